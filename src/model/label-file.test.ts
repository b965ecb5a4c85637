import { describe, expect, it } from 'vitest';
import { decodeText, parseLabelFile } from './label-file.js';

const read = (text: string) => parseLabelFile(text, 'labels.txt').labels;
const both = ['cat', 'dog'];

describe('a label file', () => {
  it.each([
    ['lines that end as on Windows, and empty ones at the end', 'cat\r\ndog\r\n\r\n\r\n'],
    ['lines that end as on old Macs', 'cat\rdog\r'],
    ['a number before', '0 cat\n1 dog'],
    ['a number before, from 1', '1 cat\n2 dog'],
    ['a number before, in any order', '1 dog\n0 cat'],
    ['a number and a colon', '0: cat\n1: dog'],
    ['a number and a point', '0. cat\n1. dog'],
    ['a number and a dash', '0 - cat\n1 - dog'],
    ['a number and an equals sign', '0=cat\n1=dog'],
    ['a number behind', 'cat 0\ndog 1'],
    ['a number behind a tab', 'cat\t0\ndog\t1'],
    ['a table with a heading', 'index,label\n0,cat\n1,dog'],
    ['a table with the number behind', 'label,index\ncat,0\ndog,1'],
    ['a table as pandas writes it', ',label\n0,cat\n1,dog'],
    ['a table with semicolons', '0;cat\n1;dog'],
    ['a JSON list', '["cat", "dog"]'],
    ['JSON by number', '{"0": "cat", "1": "dog"}'],
    ['JSON by label', '{"cat": 0, "dog": 1}'],
    ['JSON under a key', '{"id2label": {"0": "cat", "1": "dog"}}'],
    ['objects with an id', '[{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}]'],
    ['objects without', '{"categories": [{"label": "cat"}, {"label": "dog"}]}'],
    ['pairs', '[[0, "cat"], [1, "dog"]]'],
    ["Python's dict", "{0: 'cat', 1: 'dog'}"],
    ["Python's list", "['cat', 'dog',]"],
    ['a YAML list', '- cat\n- "dog"\n'],
    ['a YAML mapping', 'names:\n  0: cat\n  1: dog\n'],
  ])('of %s', (_what, text) => {
    expect(read(text)).toEqual(both);
  });

  it('keeps numbers that are part of the labels', () => {
    expect(read('Class 1\nClass 2')).toEqual(['Class 1', 'Class 2']);
    expect(read('1 euro\n2 euro')).toEqual(['1 euro', '2 euro']);
    expect(read('0\n1\n2')).toEqual(['0', '1', '2']);
    expect(read('2 cats\n3 dogs')).toEqual(['2 cats', '3 dogs']);
    expect(read('index,label\n0,"cat, grey"\n1,"a ""dog"""')).toEqual(['cat, grey', 'a "dog"']);
  });

  it.each([
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /lfs pull/],
    ['nothing', '\n\r\n', /is empty/],
    ['a web page', '<!doctype html>\n<title>404</title>', /is a web page/],
    ['no text', '\b\b\u0012\0\0', /is no text/],
    ['JSON without labels', '{"width": 3}', /holds no labels/],
    ['JSON with a gap', '{"0": "cat", "2": "dog"}', /holds no labels/],
  ])('of %s is refused', (_what, text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

it('texts are decoded by their mark, else as UTF-16, UTF-8 or Latin-1', () => {
  const text = 'cat\r\ndög';
  const utf16 = (isBig: boolean, mark: string) =>
    Uint8Array.from(
      [...(mark + text)].flatMap((letter) => {
        const pair = [letter.charCodeAt(0) & 255, letter.charCodeAt(0) >> 8];
        return isBig ? pair.reverse() : pair;
      }),
    );
  for (const mark of ['\uFEFF', '']) {
    expect(decodeText(utf16(false, mark))).toBe(text);
    expect(decodeText(utf16(true, mark))).toBe(text);
    expect(decodeText(new TextEncoder().encode(mark + text))).toBe(text);
  }
  expect(decodeText(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).toBe(text);
});
