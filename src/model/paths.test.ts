import { expect, test } from 'vitest';
import { isOutside } from './paths.js';

test('paths within a folder are told from those that leave it', () => {
  for (const path of ['model.onnx', 'onnx/model.onnx', './a', 'a..b/c', '..a', 'a/b..']) {
    expect(isOutside(path), path).toBe(false);
  }
  for (const path of [
    '/a',
    '\\a',
    'C:\\a',
    'c:a',
    '../a',
    'a/../b',
    'a/..',
    '..',
    'a\\..\\b',
    'https://a/b',
    'file:///a',
    'a\0b',
    '%2e%2e/a',
    'a/.%2E/b',
    ' ../a',
    '.\t./a',
    ' /a',
  ]) {
    expect(isOutside(path), path).toBe(true);
  }
});
