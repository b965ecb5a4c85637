/** Which class does this picture show? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { list, nullable, number, object, string, whole } from '../../base/shape.js';
import { numbersOf, type Tensors } from '../../base/tensor.js';
import { release } from '../../input/image/decode.js';
import {
  type ImageSettings,
  imageCheck,
  imageRequestChecks,
  imageSettingsCheck,
  type OpenImages,
} from '../../input/image/prepare.js';
import type { CapturedImage } from '../../input/image/types.js';
import type { WorkerTask } from '../../runtime/task.js';
import { checkGraph } from './graph.js';
import { activate, topK } from './scores.js';
import type { Classification, ClassificationOptions, ModelManifest } from './types.js';

/** @param openImages - What preprocesses pictures in this worker. */
export function imageClassification(
  openImages: OpenImages,
): WorkerTask<
  ModelManifest,
  CapturedImage,
  ClassificationOptions,
  Classification[],
  ImageSettings
> {
  return {
    name: 'image-classification',
    checks: {
      payload: imageCheck,
      options: object({
        ...imageRequestChecks,
        topK: whole(1),
        threshold: number,
        allow: nullable(list(string)),
        deny: nullable(list(string)),
      } satisfies Record<keyof ClassificationOptions, unknown>),
      settings: imageSettingsCheck,
    },
    discard: release,
    open(model, settings, services) {
      const { manifest, labels } = model;
      const { input, output } = manifest;
      checkGraph(model);
      const images = openImages(manifest, settings, services);
      const scoresOf = (outputs: Tensors) => {
        const logits = outputs[output.name];
        const scores = activate(logits ? numbersOf(logits) : [], output.activation);
        if (scores.length === labels.length) return scores;
        throw new TabserveError(
          'model-invalid',
          `The model "${manifest.name}" answers ${scores.length} classes; its labels name ${labels.length}.`,
        );
      };
      return {
        outputs: [output.name],
        report: images.report,
        sample: () => ({ [input.name]: images.sample() }),
        async prepare(image, options, context) {
          const prepared = await images.prepare(image, options, context);
          return {
            get report() {
              return prepared.report;
            },
            feeds: async () => ({ [input.name]: await prepared.feed() }),
            async amend() {
              const instead = await prepared.amend?.();
              return instead && { [input.name]: instead };
            },
            interpret: (outputs) => topK(scoresOf(outputs), labels, options),
            close: () => prepared.close?.(),
          };
        },
        async selfTest(read, ask) {
          for (const { image, index } of manifest.selfTest ?? []) {
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
        close: () => images.close?.(),
      };
    },
  };
}

const justTheBest: ClassificationOptions = {
  crop: null,
  quality: 'exact',
  topK: 1,
  threshold: -Infinity,
  allow: null,
  deny: null,
};
