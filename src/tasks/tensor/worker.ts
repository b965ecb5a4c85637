/** What does this graph make of these tensors? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { list, nullable, object, string } from '../../base/shape.js';
import type { Tensors } from '../../base/tensor.js';
import { withoutZipMaps } from '../../model/onnx/zip-map.js';
import type { WorkerTask } from '../../runtime/task.js';
import { checkFeeds, tensorsCheck, zeros } from './tensors.js';
import type { TensorManifest, TensorOptions, TensorPayload, TensorReport } from './types.js';

/** Named tensors in and out. */
export const tensorTask: WorkerTask<TensorManifest, TensorPayload, TensorOptions, Tensors, object> =
  {
    name: 'tensor',
    takesAny: true,
    checks: {
      payload: tensorsCheck,
      options: object({ outputs: nullable(list(string)) }),
      settings: object({}),
    },
    // Any graph has tensors.
    adopt: (manifest) => ({ ...manifest, task: 'tensor' }),
    rewrite: withoutZipMaps,
    transfer: (answer) =>
      Object.values(answer).flatMap(({ data }) => ('buffer' in data ? [data.buffer] : [])),
    open({ inputs, outputs }) {
      const names = outputs.map(({ name }) => name);
      return {
        outputs: names,
        report: { inputs, outputs } satisfies TensorReport,
        sample: () => zeros(inputs),
        async prepare(feeds, options) {
          checkFeeds(feeds, inputs);
          const wanted = options.outputs ?? names;
          const unknown = wanted.find((name) => !names.includes(name));
          if (unknown !== undefined) {
            throw new TabserveError(
              'invalid-argument',
              `The model has no output "${unknown}". It has ${names.join(', ')}.`,
              { details: { output: unknown } },
            );
          }
          return {
            feeds: () => feeds,
            interpret: (all) =>
              Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name))),
          };
        },
      };
    },
  };
