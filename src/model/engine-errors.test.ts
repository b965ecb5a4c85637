import { expect, it } from 'vitest';
import { TabserveError } from '../base/errors.js';
import { explainEngineError } from './engine-errors.js';

const refused = (message: string) =>
  new TabserveError('model-invalid', `m.onnx cannot be used as a model: ${message}`, {
    details: { model: 'm.onnx' },
  });
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

it.each([
  ['nothing', '', /it is empty/],
  ['a ZIP archive', 'PK\x03\x04', /ZIP.*torch\.onnx\.export/],
  ['HDF5', '\x89HDF\r\n\x1a\n', /tf2onnx/],
  ['TensorFlow Lite', '\x1c\0\0\0TFL3', /--tflite/],
  ['ORT format', '\x1c\0\0\0ORTM', /\.onnx file that it was made from/],
  ['gzip', '\x1f\x8b\x08\0', /Unpack it/],
  ['a pickle', '\x80\x02}q\0.', /pickle/],
  ['safetensors', '\x40\0\0\0\0\0\0\0{"a":{}}', /no graph/],
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid', /git lfs pull/],
])('a file of %s is called that', (_what, start, cure) => {
  const error = explainEngineError(refused('protobuf parsing failed.'), bytes(start));
  expect(error.message).toMatch(cure);
  expect(error.message).not.toMatch(/damaged/);
});

/** The engine's own words, onnxruntime-web 1.30. */
it.each([
  ['Fatal error: org.orchard:LeafNorm(-1) is not a registered function/op', /LeafNorm/],
  ['No Op registered for Swish with domain_version of 17', /Swish/],
  ['Failed to load external data file ""lost.bin"", error: not available', /Add that file/],
  ['unsupported data type: 16', /bfloat16.*float32/],
])('what the engine says (%s) becomes a cure', (message, cure) => {
  const error = explainEngineError(refused(message), bytes('\x08\x08'));
  expect(error.message).toMatch(cure);
  expect(error.message).not.toMatch(/damaged/);
});

it('what is no such thing stays as it is', () => {
  const error = refused('Failed to load model because protobuf parsing failed.');
  expect(explainEngineError(error, bytes('\x08\x08\x12\x0e'))).toBe(error);
});
