import { describe, expect, test } from 'vitest';
import { createPreprocessor } from '../input/image/preprocess.js';
import { hubPicture } from '../testing/hub-picture.js';
import golden from './golden/huggingface.json';
import { describeHubModel } from './huggingface.js';

const config = { id2label: { 0: 'cat', 1: 'dog' } };

const describeProcessor = (preprocessor: unknown, more: object = {}) =>
  describeHubModel({ where: 'hf:a/b', config: { ...config, ...more }, preprocessor });

describe('gives what Python gives', () => {
  for (const each of golden.cases) {
    test(each.name, async () => {
      const { input, preprocess } =
        'pretrained_cfg' in each
          ? describeProcessor(undefined, { pretrained_cfg: each.pretrained_cfg })
          : describeProcessor(each.preprocessor);
      const preprocessor = createPreprocessor(input, preprocess);
      for (const [index, [width, height]] of golden.sizes.entries()) {
        const expected = each.results[index];
        if (!expected) throw new Error('The golden file is not complete.');
        expect([input.channels, input.height, input.width]).toEqual(expected.shape);
        const tensor = preprocessor.allocate(1);
        await preprocessor.run(hubPicture(width as number, height as number), tensor, 0);
        const values = Array.from(tensor as Float32Array);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        expect(mean).toBeCloseTo(expected.mean, 5);
        expect(Math.sqrt(square / values.length)).toBeCloseTo(expected.deviation, 5);
        for (const [place, sample] of expected.samples.entries()) {
          const at = Math.floor((place * (values.length - 1)) / 23);
          expect(values[at], `sample ${place}`).toBeCloseTo(sample, 4);
        }
      }
    });
  }
});

test('labels come in the order of their numbers', () => {
  const { labels } = describeProcessor({}, { id2label: { 2: 'c', 0: 'a', 1: 'b' } });
  expect(labels).toEqual(['a', 'b', 'c']);
});

test('without labels, classes are named by their numbers, and that is said', () => {
  const { labels, warnings } = describeProcessor({}, { id2label: undefined, num_labels: 3 });
  expect(labels).toEqual(['0', '1', '2']);
  expect(warnings).toContainEqual(expect.stringContaining('no labels'));
});

test('several labels at once mean a sigmoid', () => {
  const activation = (problem_type?: string) =>
    describeProcessor({}, { problem_type }).output.activation;
  expect(activation()).toBe('softmax');
  expect(activation('single_label_classification')).toBe('softmax');
  expect(activation('multi_label_classification')).toBe('sigmoid');
});

test('the image processor is found inside of a processor_config', () => {
  const wrapped = { image_processor: { image_processor_type: 'ViTImageProcessorFast', size: 64 } };
  expect(describeProcessor(wrapped)).toMatchObject({ input: { width: 64, height: 64 } });
  expect(
    describeProcessor({ feature_extractor_type: 'ConvNextFeatureExtractor' }).preprocess,
  ).toMatchObject({
    resize: { policy: 'exact', width: 384 },
  });
});

test('unknown fields and processors are warned of', () => {
  const { warnings } = describeProcessor({
    image_processor_type: 'NobodysImageProcessor',
    do_magic: true,
  });
  expect(warnings).toEqual([
    expect.stringContaining('NobodysImageProcessor'),
    expect.stringContaining('"do_magic"'),
  ]);
});

test('what Transformers would not do as written is warned of', () => {
  const warningsOf = (preprocessor: object) => describeProcessor(preprocessor).warnings;
  const pad = { do_pad: true, pad_size: 256 };
  expect(warningsOf({ image_processor_type: 'ViTImageProcessor', ...pad })).toEqual([]);
  expect(warningsOf({ image_processor_type: 'BeitImageProcessor', ...pad })).toEqual([
    expect.stringContaining('BeitImageProcessor does not pad'),
  ]);
  expect(
    warningsOf({ image_processor_type: 'ViTImageProcessor', size: { longest_edge: 256 }, ...pad }),
  ).toEqual([expect.stringContaining('"longest_edge" alone')]);
});

describe('fields that contradict each other are both named', () => {
  const vit = { image_processor_type: 'ViTImageProcessor' };
  const convNext = { image_processor_type: 'ConvNextImageProcessor' };
  const cases: [string, object, object, string[]][] = [
    [
      'two sizes',
      { ...vit, size: { height: 5, width: 5, shortest_edge: 5 } },
      {},
      ['size.shortest_edge', 'size.height'],
    ],
    [
      'crop_pct and an exact size',
      { ...convNext, size: { height: 5, width: 5 }, crop_pct: 0.5 },
      {},
      ['crop_pct', 'size'],
    ],
    [
      'crop_pct and another crop',
      { ...convNext, size: 224, crop_pct: 0.5, do_center_crop: true, crop_size: 200 },
      {},
      ['crop_pct', 'crop_size'],
    ],
    [
      'two other sizes',
      { ...vit, size: { longest_edge: 5, max_height: 5, max_width: 5 } },
      {},
      ['size.longest_edge', 'size.max_height'],
    ],
    [
      'a size and less room for it',
      { ...vit, size: 64, do_pad: true, pad_size: { height: 64, width: 63 } },
      {},
      ['size', 'pad_size'],
    ],
    [
      'a crop and less room for it',
      { ...vit, do_center_crop: true, crop_size: 64, do_pad: true, pad_size: 63 },
      {},
      ['crop_size', 'pad_size'],
    ],
    ['labels and their count', vit, { num_labels: 5 }, ['num_labels', 'id2label']],
  ];
  for (const [name, preprocessor, more, fields] of cases) {
    test(name, () => {
      for (const field of fields) {
        expect(() => describeProcessor(preprocessor, more)).toThrow(`"${field}"`);
      }
      expect(() => describeProcessor(preprocessor, more)).toThrow('contradict');
    });
  }
});

describe('wrong values are refused by name', () => {
  const cases: [string, object, object][] = [
    ['resample', { resample: 9 }, {}],
    ['size', { size: -1 }, {}],
    ['size', { size: 'large' }, {}],
    ['do_center_crop', { size: { shortest_edge: 5, longest_edge: 9 } }, {}],
    ['image_mean', { image_mean: [0, 1] }, {}],
    ['image_std', { image_std: 'none' }, {}],
    ['rescale_factor', { rescale_factor: Number.NaN }, {}],
    ['do_resize', { do_resize: 'yes' }, {}],
    ['do_pad', { do_pad: 1 }, {}],
    ['pad_size', { do_pad: true, pad_size: { shortest_edge: 5 } }, {}],
    ['size', { size: { min_pixels: 5, max_pixels: 9 } }, {}],
    ['size', { size: { height: 5 } }, {}],
    ['do_center_crop', { size: { shortest_edge: 5 } }, {}],
    ['id2label', {}, { id2label: { 0: 'a', 2: 'c' } }],
    ['id2label', {}, { id2label: null }],
    ['id2label.x', {}, { id2label: { x: 'a' } }],
    ['id2label.0', {}, { id2label: { 0: 7 } }],
  ];
  for (const [field, preprocessor, more] of cases) {
    test(`${field}: ${JSON.stringify({ ...preprocessor, ...more })}`, () => {
      expect(() => describeProcessor(preprocessor, more)).toThrow(
        expect.objectContaining({
          code: 'manifest-invalid',
          message: expect.stringContaining(field),
        }),
      );
    });
  }
  test('files that are no objects', () => {
    for (const wrong of [null, 7, [], 'text']) {
      expect(() => describeProcessor(wrong)).toThrow('preprocessor_config.json');
      expect(() => describeHubModel({ where: 'x', config: wrong, preprocessor: {} })).toThrow(
        'config.json',
      );
    }
  });
});
