import { expect, it } from 'vitest';
import { translationFor } from './languages.js';

const manifest = {
  name: 'm',
  version: '1.0.0',
  task: 'image-classification',
  files: [],
  translations: { de: { url: 'de.txt' }, 'zh-Hans': { url: 'zh.txt' } },
};
const found = (wanted: string | string[] | undefined, more = {}) => {
  const { language, file } = translationFor({ ...manifest, ...more }, wanted);
  return [language, file?.url];
};

it('takes the language that is asked for, also for one of its regions', () => {
  expect(found(undefined)).toEqual(['en', undefined]);
  expect(found('de')).toEqual(['de', 'de.txt']);
  expect(found('DE-at')).toEqual(['de', 'de.txt']);
  expect(found('zh-Hans-CN')).toEqual(['zh-Hans', 'zh.txt']);
  expect(found('de-x-home')).toEqual(['de', 'de.txt']);
  expect(found('en-GB')).toEqual(['en', undefined]);
  expect(found('fr', { language: 'fr' })).toEqual(['fr', undefined]);
});

it('takes the first of the languages that a reader prefers, else its own', () => {
  expect(found(['fr', 'de', 'en'])).toEqual(['de', 'de.txt']);
  expect(found(['en-US', 'de'])).toEqual(['en', undefined]);
  expect(found(['fr', '', 'it_IT'])).toEqual(['en', undefined]);
  expect(found([])).toEqual(['en', undefined]);
});

it('refuses a language that it has to have, and names those that there are', () => {
  expect(() => found('fr')).toThrow(/no labels in "fr"; it has them in en, de, zh-Hans/);
  expect(() => found('zh-Hant')).toThrow(/zh-Hant/);
  expect(() => found('de', { translations: undefined })).toThrow(/it has them in en\./);
});
