/** Which part of this picture shows what? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { boolean, nullable, number } from '../../base/shape.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import type { GeometryPlan, Size } from '../../input/image/geometry.js';
import type { ImageInput } from '../../input/image/prepare.js';
import { findTensor } from '../graph.js';
import { imageTask } from '../image-task.js';
import { activated, alphaOf } from './alpha.js';
import { mapAxes, mapSize } from './axes.js';
import { areas, chosenClasses, classesOf, type Planes } from './classes.js';
import { classColours, whiteOf } from './overlay.js';
import type {
  MaskOutput,
  Segment,
  Segmentation,
  SegmentationManifest,
  SegmentationOptions,
} from './types.js';

/** @param images - What this worker does with pictures. */
export function imageSegmentation(images: ImageInput) {
  return imageTask<SegmentationManifest, SegmentationOptions, Segmentation>(images, {
    name: 'image-segmentation',
    options: { overlay: boolean, opacity: nullable(number) },
    transfer: (answer) => [
      answer.kind === 'mask' ? answer.alpha.buffer : answer.map.buffer,
      ...(answer.overlay ? [answer.overlay] : []),
    ],
    open({ manifest, labels, outputs, where }) {
      const { input, output } = manifest;
      findTensor(outputs, output.name, 'output.name', where);
      return {
        outputs: [output.name],
        interpret(outputs, options, geometry) {
          const tensor = outputs[output.name];
          if (!tensor) throw new TabserveError('internal', `The engine gave no "${output.name}".`);
          const plan = geometry();
          return output.kind === 'mask'
            ? maskOf(tensor, output, plan, input, options)
            : mapOf(tensor, labels, plan, input, options);
        },
      };
    },
  });
}

async function mapOf(
  tensor: Tensor,
  labels: readonly string[],
  plan: GeometryPlan,
  input: Size,
  { overlay, opacity }: SegmentationOptions,
): Promise<Segmentation> {
  const planes = planesOf(tensor);
  const isChosen = planes.classes === 1 && /int/.test(tensor.type);
  if (!isChosen && planes.classes !== labels.length) {
    throw unfit(tensor, `${labels.length} classes, which its labels name`);
  }
  const size = mapSize(plan.region);
  const { x, y } = mapAxes(plan, size, input, planes);
  const { map, noClass } = isChosen
    ? chosenClasses(planes, labels.length, x, y)
    : classesOf(planes, x, y);
  const segments: Segment[] = [];
  for (const [index, pixels] of areas(map, labels.length).entries()) {
    const label = labels[index] ?? `class ${index}`;
    if (pixels > 0) segments.push({ label, index, pixels, share: pixels / map.length });
  }
  segments.sort((a, b) => b.pixels - a.pixels || a.index - b.index);
  return {
    kind: 'semantic',
    region: plan.region,
    ...size,
    map,
    noClass,
    segments,
    overlay: overlay ? await bitmapOf(classColours(map, noClass, opacity ?? 0.5), size) : null,
  };
}

async function maskOf(
  tensor: Tensor,
  { activation }: MaskOutput,
  plan: GeometryPlan,
  input: Size,
  { overlay, opacity }: SegmentationOptions,
): Promise<Segmentation> {
  const planes = planesOf(tensor);
  if (planes.classes !== 1) throw unfit(tensor, 'one plane, as a "mask" has');
  const size = mapSize(plan.region);
  const { x, y } = mapAxes(plan, size, input, planes);
  const alpha = alphaOf({ ...planes, values: activated(planes.values, activation) }, x, y);
  const sum = alpha.reduce((all, each) => all + each, 0);
  return {
    kind: 'mask',
    region: plan.region,
    ...size,
    alpha,
    share: sum / (255 * alpha.length),
    overlay: overlay ? await bitmapOf(whiteOf(alpha, opacity ?? 1), size) : null,
  };
}

/** The output of one picture. Throws `model-invalid` for another shape, and for NaN. */
function planesOf(tensor: Tensor): Planes {
  const { dims } = tensor;
  const [classes = 0, height = 0, width = 0] =
    dims.length === 3 ? [1, ...dims.slice(1)] : dims.slice(1);
  const isPicture = dims.length === 3 || dims.length === 4;
  if (!isPicture || dims[0] !== 1 || dims.some((size) => size < 1) || classes > 0xffff) {
    throw unfit(tensor, '[1, classes, height, width]');
  }
  const values = numbersOf(tensor);
  if (Array.prototype.some.call(values, Number.isNaN)) {
    throw new TabserveError(
      'model-invalid',
      'The model answered NaN. Its weights are damaged, or its preprocessing does not fit it.',
    );
  }
  return { values, classes, height, width };
}

function unfit({ dims }: Tensor, wanted: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `The model answered [${dims.join(', ')}], where its manifest wants ${wanted}.`,
    { details: { found: dims.join(), expected: wanted } },
  );
}

function bitmapOf(
  pixels: Uint8ClampedArray<ArrayBuffer>,
  { width, height }: Size,
): Promise<ImageBitmap> {
  return createImageBitmap(new ImageData(pixels, width, height));
}
