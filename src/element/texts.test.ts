import { expect, it } from 'vitest';
import { textNames, textsOf } from './texts.js';

it.each(['en', 'de', 'zh'])('%s has all texts, and a place for the number', (language) => {
  const texts = textsOf(language);
  for (const name of textNames) expect(texts[name].length).toBeGreaterThan(3);
  expect(Object.keys(texts)).toEqual(textNames);
  expect(texts.loadingProgress).toContain('{percent}');
  expect(texts.unsure).toMatch(/\{group\}.*\{label\}/);
  if (language !== 'en') expect(texts).not.toEqual(textsOf('en'));
});

it('takes a region for its language, and English for what it has not', () => {
  expect(textsOf('de-AT')).toBe(textsOf('de'));
  expect(textsOf('ZH-Hans')).toBe(textsOf('zh'));
  for (const other of ['fr', '', 'constructor', '__proto__']) {
    expect(textsOf(other)).toBe(textsOf('en'));
  }
});
