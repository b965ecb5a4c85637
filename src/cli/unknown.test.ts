import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseManifest } from '../model/manifest.js';
import { unknownFields } from './unknown.js';

const path = new URL('../../models/photos/model.json', import.meta.url);
const photos = JSON.parse(readFileSync(path, 'utf8'));
const warningsOf = (given: unknown) => unknownFields(given, parseManifest(given, 'model.json'));

test('a misspelt field is told, with what is meant', () => {
  const { mean, ...preprocess } = photos.preprocess;
  const given = { ...photos, lables: [], preprocess: { ...preprocess, means: mean } };
  expect(warningsOf(given)).toEqual([
    'there is no field "lables", so that it does nothing. Is "labels" meant?',
    'there is no field "preprocess.means", so that it does nothing. Is "mean" meant?',
  ]);
});

test('what is right, and notes of its author, are no warnings', () => {
  expect(warningsOf(photos)).toEqual([]);
  expect(warningsOf({ ...photos, trainedOnTuesday: true })).toEqual([]);
});
