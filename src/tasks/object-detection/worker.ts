/** What is in this picture, and where? The worker's half. */
import { is, nullable, number, whole } from '../../base/shape.js';
import { inputToPicture } from '../../input/image/inverse.js';
import type { ImageInput } from '../../input/image/prepare.js';
import { findTensor } from '../graph.js';
import { imageTask } from '../image-task.js';
import { decode } from './decode.js';
import { iouOf, objectsOf } from './detect.js';
import type {
  DetectedObject,
  DetectionManifest,
  DetectionOptions,
  DetectionOutput,
} from './types.js';

const defaultThreshold = 0.5;

/** @param images - What this worker does with pictures. */
export function objectDetection(images: ImageInput) {
  return imageTask<DetectionManifest, DetectionOptions, DetectedObject[]>(images, {
    name: 'object-detection',
    options: {
      topK: whole(1),
      threshold: nullable(number),
      iou: is(
        'a number, null or "model"',
        (value) => value === 'model' || value === null || typeof value === 'number',
      ),
    },
    open({ manifest, labels, outputs: tensors, where }) {
      const { input, output, preprocess } = manifest;
      const names = outputNames(output);
      for (const [field, name] of names) findTensor(tensors, name, `output.${field}`, where);
      return {
        outputs: names.map(([, name]) => name),
        interpret(outputs, options, geometry) {
          const plan = geometry();
          const candidates = decode(outputs, output, {
            input,
            canvas: plan.output,
            labels: labels.length,
            threshold: options.threshold ?? output.threshold ?? defaultThreshold,
          });
          const placement = { region: plan.region, ...inputToPicture(plan, preprocess) };
          const iou = iouOf(options, output);
          return objectsOf(candidates, labels, placement, { topK: options.topK, iou });
        },
      };
    },
  });
}

/** The tensors that are read, with the fields of the manifest that name them. */
function outputNames(output: DetectionOutput): [field: string, name: string][] {
  switch (output.format) {
    case 'detr':
      return [
        ['logits', output.logits],
        ['boxes', output.boxes],
      ];
    case 'ssd':
      return [
        ['boxes', output.boxes],
        ['scores', output.scores],
        ['classes', output.classes],
        ...(output.count === undefined ? [] : [['count', output.count] as [string, string]]),
      ];
    default:
      return [['name', output.name]];
  }
}
