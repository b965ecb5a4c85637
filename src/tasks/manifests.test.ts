import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { parseAnyManifest } from './manifests.js';

const core = { name: 'm', version: '1.0.0', files: [{ url: 'm.onnx', dtype: 'fp32' }] };
const picture = {
  input: {
    name: 'x',
    layout: 'NCHW',
    dtype: 'float32',
    width: 8,
    height: 8,
    channels: 3,
    colorOrder: 'RGB',
  },
  preprocess: { resize: { policy: 'exact', width: 8, height: 8 } },
};
const valid = {
  'image-classification': {
    ...core,
    ...picture,
    labels: ['a'],
    output: { name: 'y', activation: 'softmax' },
  },
  'image-embedding': { ...core, ...picture, output: { name: 'y', pooling: 'cls' } },
  tensor: core,
};
const tasks = Object.keys(valid) as (keyof typeof valid)[];

describe('a manifest', () => {
  it.each(tasks)('of the task %s', (task) => {
    const manifest = { ...valid[task], task };
    expect(parseAnyManifest(manifest, 'model.json')).toEqual(manifest);
  });

  it('without a task is a classifier of pictures', () => {
    const { task } = parseAnyManifest(valid['image-classification'], 'model.json');
    expect(task).toBe('image-classification');
  });

  it.each([['telepathy'], [7], [null], ['constructor']])('of the task %j is refused', (task) => {
    expect(() => parseAnyManifest({ ...core, task }, 'model.json')).toThrow(
      /model\.json: the field "task" is wrong: found .* "image-embedding"/,
    );
  });

  it.each([[null], [[]], ['x'], [undefined]])('%j is refused', (value) => {
    expect(() => parseAnyManifest(value, 'model.json')).toThrow(/the field/);
  });

  it.each([
    ['output.pooling', { output: { name: 'y', pooling: 'max' } }],
    [
      'input.width × input.height',
      { preprocess: { resize: { policy: 'exact', width: 9, height: 8 } } },
    ],
  ])('whose %s is wrong says so', (field, wrong) => {
    const manifest = { ...valid['image-embedding'], task: 'image-embedding', ...wrong };
    expect(() => parseAnyManifest(manifest, 'model.json')).toThrow(`the field "${field}" is wrong`);
  });

  it('may name other files, each with its address', () => {
    const assets = { 'tokenizer.json': { url: 'tokenizer.json', bytes: 3 } };
    const manifest = { ...core, task: 'tensor', assets };
    expect(parseAnyManifest(manifest, 'model.json')).toEqual(manifest);
    const wrong = { ...manifest, assets: { 'tokenizer.json': { url: '' } } };
    expect(() => parseAnyManifest(wrong, 'model.json')).toThrow('"assets.tokenizer.json.url"');
  });

  it('of any kind is checked or refused with a typed error', () => {
    const field = fc.constantFrom(
      'input',
      'output',
      'preprocess',
      'files',
      'labels',
      'assets',
      'task',
    );
    fc.assert(
      fc.property(fc.constantFrom(...tasks), field, fc.jsonValue(), (task, name, value) => {
        try {
          parseAnyManifest({ ...valid[task], task, [name]: value }, 'model.json');
        } catch (error) {
          expect(isTabserveError(error, 'manifest-invalid')).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
