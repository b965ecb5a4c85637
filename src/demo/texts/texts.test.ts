/** Whether every text of the page is there in every language. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { de } from './de.js';
import { zh } from './zh.js';

const folder = join(import.meta.dirname, '..');
const code = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.ts$/.test(path) && !/texts|language/.test(path))
  .map((path) => readFileSync(join(folder, path), 'utf8'))
  .join('\n');
const used = new Set([
  ...[...code.matchAll(/\bt\(\s*'((?:[^'\\]|\\.)*)'/g)].map(([, text = '']) => text),
  ...[...code.matchAll(/\bcount\([^']*'([^']*)',\s*'([^']*)'/g)].flatMap(([, one, many]) => [
    `{1} ${one}`,
    `{1} ${many}`,
  ]),
]);
const places = (text: string) => [...text.matchAll(/\{\d\}/g)].map(([place]) => place).sort();

it('finds the texts', () => {
  expect(used.size).toBeGreaterThan(150);
});

it.each([
  ['de', de],
  ['zh', zh],
])('%s has all that the code says, with the same places for values', (_name, table) => {
  expect([...used].filter((text) => !Object.hasOwn(table, text))).toEqual([]);
  for (const [text, translation] of Object.entries(table)) {
    expect(translation, text).not.toBe('');
    expect(places(translation), text).toEqual(places(text));
  }
});

it('has the same texts in all languages, and none that is English still', () => {
  expect(Object.keys(de)).toEqual(Object.keys(zh));
  const untranslated = Object.entries(zh).filter(([text, translation]) => text === translation);
  expect(untranslated.map(([text]) => text)).toEqual(['Zip…']);
});
