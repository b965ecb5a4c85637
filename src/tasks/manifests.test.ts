import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { validManifests } from '../testing/manifests.js';
import { parseAnyManifest } from './manifests.js';

const valid = validManifests;
const { tensor: core } = valid;
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
    expect(() => parseAnyManifest(manifest, 'model.json')).toThrow(
      new RegExp(`the field "${field}" is wrong|there is no "${field}"`),
    );
  });

  it.each([
    ['output.format', 'object-detection', { output: { format: 'sparse', name: 'y' } }],
    [
      'output.strides.0',
      'object-detection',
      { output: { format: 'yolox', name: 'y', strides: [0] } },
    ],
    ['output.iou', 'object-detection', { output: { format: 'yolo', name: 'y', iou: 1.5 } }],
    ['output.name', 'object-detection', { output: { format: 'yolo' } }],
    ['output.kind', 'image-segmentation', { output: { kind: 'panoptic', name: 'y' } }],
    ['labels', 'image-segmentation', { labels: undefined }],
    ['output.activation', 'image-segmentation', { output: { kind: 'mask', name: 'y' } }],
    [
      'preprocess.resize.align',
      'object-detection',
      { preprocess: { resize: { policy: 'letterbox', width: 8, height: 8, align: 'left' } } },
    ],
  ] as const)('whose %s is wrong for %s says so', (field, task, wrong) => {
    const manifest = { ...valid[task], task, ...wrong };
    expect(() => parseAnyManifest(manifest, 'model.json')).toThrow(
      new RegExp(`the field "${field}" is wrong|there is no "${field}"`),
    );
  });

  it('of one mask needs no labels', () => {
    const { labels: _, ...rest } = valid['image-segmentation'];
    const output = { kind: 'mask', name: 'y', activation: 'sigmoid' };
    const manifest = { ...rest, task: 'image-segmentation', output };
    expect(parseAnyManifest(manifest, 'model.json')).toEqual(manifest);
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
