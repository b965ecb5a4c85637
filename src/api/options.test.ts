import { describe, expect, it } from 'vitest';
import {
  answerOptions,
  checkClassifyOptions,
  checkCreateOptions,
  imageOptions,
  toModelRequest,
} from './options.js';
import type { ClassifyOptions, CreateOptions } from './types.js';

const create = (options: object) => () => checkCreateOptions(options as CreateOptions);
const classify = (options: object) => () =>
  checkClassifyOptions(options as ClassifyOptions, `${imageOptions} ${answerOptions}`);

describe('options', () => {
  it.each([
    [{}],
    [{ model: 'm', device: 'wasm', threads: 2, maxWorkers: 'auto', cdn: false, signal: undefined }],
    [{ topk: undefined }],
  ])('that are right pass: %j', (options) => {
    expect(create(options)).not.toThrow();
  });

  it.each([
    [create({ devcie: 'wasm' }), /no option "devcie"\. Did you mean "device"/],
    [create({ Threads: 2 }), /Did you mean "threads"/],
    [create({ maxworker: 2 }), /Did you mean "maxWorkers"/],
    [create({ temperature: 1 }), /no option "temperature"\. There are model, device/],
    [create({ device: 'wsam' }), /"device" is "wsam".*Did you mean "wasm"/],
    [create({ processor: 'fsat' }), /"processor" is "fsat".*Did you mean "fast"/],
    [create({ device: 'cuda-device' }), /it takes "auto", "webgpu", "wasm"\.$/],
    [create({ threads: 0 }), /"threads" is 0.*whole number from 1 to 64/],
    [create({ maxPixels: 1.5 }), /"maxPixels"/],
    [create({ idleTimeout: -1 }), /"idleTimeout"/],
    [create({ device: 'wasm', preprocessing: 'gpu' }), /"preprocessing"/],
    [classify({ topk: 3 }), /Did you mean "topK"/],
    [classify({ treshold: 0.2 }), /Did you mean "threshold"/],
    [classify({ topK: 0 }), /"topK"/],
    [classify({ threshold: 2 }), /"threshold"/],
    [classify({ allow: 'cat' }), /"allow".*an array of labels/],
    [classify({ crop: { x: 0, y: 0, width: 0, height: 1 } }), /"crop\.width"/],
    [classify({ priority: 'hi' }), /"priority"/],
  ])('that are wrong are named: %#', (check, message) => {
    expect(check).toThrow(message);
  });

  it('of one kind of request are no options of another', () => {
    expect(() => checkClassifyOptions({ topK: 2 } as ClassifyOptions, '')).toThrow(/"topK"/);
  });
});

describe('the fast processor', () => {
  it.each([
    ['hf:owner/name@v1', { kind: 'hub', name: 'hf:owner/name@v1?processor=fast' }],
    ['https://a.example/m/', { kind: 'url', url: 'https://a.example/m/?processor=fast' }],
    [new Blob([]), { kind: 'files', files: [expect.any(Blob)], processor: 'fast' }],
  ])('of %s', (source, request) => {
    expect(toModelRequest(source, {}, 'fast')).toEqual(request);
  });

  it.each(['flowers', 'https://a.example/m.onnx', 'https://a.example/model.json'])(
    'is none of %s',
    (source) => {
      expect(() => toModelRequest(source, {}, 'fast')).toThrow(/repositories in the layout/);
    },
  );
});

describe('models', () => {
  it.each([
    ['hf:owner/name', { kind: 'hub', name: 'hf:owner/name' }],
    ['flowers@1.2.0', { kind: 'name', name: 'flowers', version: '1.2.0', fileUrls: {} }],
    ['https://a.example/m.onnx', { kind: 'url', url: 'https://a.example/m.onnx' }],
    [new URL('https://a.example/m/'), { kind: 'url', url: 'https://a.example/m/' }],
  ])('%s', (source, request) => {
    expect(toModelRequest(source as string, {})).toEqual(request);
  });

  it('of files are files', () => {
    const file = new Blob(['x']);
    expect(toModelRequest(file as File, {})).toEqual({ kind: 'files', files: [file] });
    const request = toModelRequest(new Uint8Array([1]) as never, {});
    expect(request).toMatchObject({ kind: 'files', files: [expect.any(Blob)] });
  });
});
