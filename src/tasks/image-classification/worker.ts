/** Which class does this picture show? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { list, mapOf, nullable, number, string, whole } from '../../base/shape.js';
import { numbersOf } from '../../base/tensor.js';
import type { ImageInput } from '../../input/image/prepare.js';
import { imageTask } from '../image-task.js';
import { activate, classFacts, dequantised, topK, withComplement } from '../scores.js';
import { checkGraph } from './graph.js';
import type { Classification, ClassificationOptions, ModelManifest } from './types.js';

/** @param images - What this worker does with pictures. */
export function imageClassification(images: ImageInput) {
  return imageTask<ModelManifest, ClassificationOptions, Classification[]>(images, {
    name: 'image-classification',
    options: {
      topK: whole(1),
      threshold: nullable(number),
      thresholds: nullable(mapOf(number)),
      allow: nullable(list(string)),
      deny: nullable(list(string)),
    },
    open(model) {
      checkGraph(model);
      const { manifest, labels } = model;
      const { output } = manifest;
      const facts = classFacts(model, output);
      return {
        outputs: [output.name],
        interpret(outputs, options) {
          const tensor = outputs[output.name];
          const logits = tensor ? dequantised(numbersOf(tensor), output) : [];
          const scores = withComplement(activate(logits, output.activation), labels.length);
          if (scores.length === labels.length) return topK(scores, labels, options, facts);
          throw new TabserveError(
            'model-invalid',
            `The model "${manifest.name}" answers ${scores.length} classes; its labels name ${labels.length}.`,
          );
        },
        async selfTest(read, ask) {
          for (const test of manifest.selfTest ?? []) {
            if (!('image' in test)) continue;
            const { image, index } = test;
            const blob = await read(image);
            const [best] = await ask({ kind: 'blob', blob }, justTheBest);
            if (best?.index === index) continue;
            throw new TabserveError(
              'model-invalid',
              `Version ${manifest.version} of "${manifest.name}" failed its self-test: it takes ${image} for "${best?.label}" instead of "${labels[index]}". It was not switched to.`,
              {
                details: {
                  model: manifest.name,
                  version: manifest.version,
                  image,
                  found: best?.index ?? null,
                  expected: index,
                },
              },
            );
          }
        },
      };
    },
  });
}

const justTheBest: ClassificationOptions = {
  crop: null,
  quality: 'exact',
  topK: 1,
  threshold: -Infinity,
  thresholds: null,
  allow: null,
  deny: null,
};
