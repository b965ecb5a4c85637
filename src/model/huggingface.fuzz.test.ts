/** Any JSON as a hub repository's files: they are described, or refused with what is wrong. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { describeHubModel } from './huggingface.js';

const json = fc.jsonValue({ maxDepth: 2 });

/** The right kind of value most of the time, anything else otherwise. */
const mostly = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 8, arbitrary },
    { weight: 1, arbitrary: json },
    { weight: 1, arbitrary: fc.constantFrom(-1, 0, 1e9, '', null, [], { polluted: true }) },
  );

const side = mostly(fc.constantFrom(32, 224, 256));
const size = mostly(
  fc.oneof(
    side,
    fc.record({ height: side, width: side }),
    fc.record({ shortest_edge: side }),
    fc.record({ shortest_edge: side, longest_edge: side }, { requiredKeys: [] }),
  ),
);
const triple = mostly(
  fc.tuple(
    mostly(fc.double({ min: 0.1, max: 1 })),
    mostly(fc.double({ min: 0.1, max: 1 })),
    mostly(fc.double({ min: 0.1, max: 1 })),
  ),
);

const config = mostly(
  fc.record(
    {
      id2label: mostly(
        fc.dictionary(fc.constantFrom('0', '1', '2', '__proto__'), mostly(fc.string())),
      ),
      label2id: json,
      num_labels: mostly(fc.nat(5)),
      problem_type: fc.constantFrom('multi_label_classification', null),
      architectures: json,
      pretrained_cfg: mostly(
        fc.record(
          {
            input_size: mostly(fc.constant([3, 224, 224])),
            interpolation: mostly(fc.constantFrom('bicubic', 'bilinear')),
            crop_pct: mostly(fc.constantFrom(0.875, 1)),
            crop_mode: mostly(fc.constantFrom('center', 'squash', 'border')),
            mean: triple,
            std: triple,
          },
          { requiredKeys: [] },
        ),
      ),
      license: json,
    },
    { requiredKeys: [] },
  ),
);

const preprocessor = fc.oneof(
  fc.constant(undefined),
  mostly(
    fc.record(
      {
        image_processor_type: mostly(
          fc.constantFrom('ViTImageProcessor', 'ConvNextFeatureExtractor', 'toString', '__proto__'),
        ),
        feature_extractor_type: json,
        do_resize: mostly(fc.boolean()),
        do_center_crop: mostly(fc.boolean()),
        do_normalize: mostly(fc.boolean()),
        do_rescale: mostly(fc.boolean()),
        do_pad: mostly(fc.boolean()),
        pad_size: size,
        size,
        crop_size: size,
        crop_pct: mostly(fc.constantFrom(0.875, 1, null)),
        resample: mostly(fc.integer({ min: 0, max: 5 })),
        rescale_factor: mostly(fc.constant(1 / 255)),
        image_mean: triple,
        image_std: triple,
        image_processor: json,
      },
      { requiredKeys: [] },
    ),
  ),
);

test('whatever a repository says, the answer is a description or what is wrong with it', () => {
  let described = 0;
  let refused = 0;
  fc.assert(
    fc.property(config, preprocessor, (config, preprocessor) => {
      // As it arrives: `__proto__` is a key like any other in JSON.
      const parsed = JSON.parse(JSON.stringify({ config, preprocessor }));
      try {
        describeHubModel({ where: 'fuzz', ...parsed, preprocessor: parsed.preprocessor });
        described += 1;
      } catch (error) {
        if (!isTabserveError(error, 'manifest-invalid')) throw error;
        refused += 1;
      }
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
  expect(described).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
