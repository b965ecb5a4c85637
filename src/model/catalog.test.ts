import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { embeddedManifests, publicManifests } from './catalog.js';
import { readLabels } from './label-file.js';

test('every manifest of the catalogue is valid and can be kept', () => {
  const manifests = [...embeddedManifests(), ...publicManifests()];
  expect(new Set(manifests.map(({ name }) => name)).size).toBe(manifests.length);
  for (const { files, license } of manifests) {
    expect(license).toMatch(/./);
    for (const file of files) {
      expect(file.bytes).toBeGreaterThan(0);
      expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  }
  for (const { files, labels, metrics } of publicManifests()) {
    for (const { url } of files) expect(url).toMatch(/^https:/);
    expect(labels).toMatchObject({ url: expect.stringMatching(/^https:/) });
    for (const { dtype } of files) expect(metrics).toHaveProperty([dtype, 'top1']);
  }
});

test.each([
  ['photos', ['de', 'zh']],
  ['everyday', []],
])('the labels of %s are the same in all languages', (name, languages) => {
  const folder = join(import.meta.dirname, '../../models', name);
  const read = (url: string) => readFileSync(join(folder, url));
  const manifest = embeddedManifests().find((each) => each.name === name);
  const { labels, labelDetails } = readLabels(read('labels.en.txt'), 'labels.en.txt');
  expect(labels).toEqual(readFileSync(join(folder, 'labels.txt'), 'utf8').trim().split('\n'));
  expect(labelDetails?.every(({ group }) => group)).toBe(true);
  const translations = Object.entries(manifest?.translations ?? {});
  expect(translations.map(([tag]) => tag)).toEqual(languages);
  for (const [tag, { url, bytes, sha256 }] of translations) {
    const file = read(url);
    expect(file.length, tag).toBe(bytes);
    expect(createHash('sha256').update(file).digest('hex'), tag).toBe(sha256);
    const other = readLabels(file, url);
    expect(other.labels.length).toBe(labels.length);
    expect(other.labels.every((label) => label.trim() === label && label !== '')).toBe(true);
    // Classes of one group are of one group everywhere.
    const pairs = new Set(
      other.labelDetails?.map(({ group }, at) => `${group} ${labelDetails?.[at]?.group}`),
    );
    const groups = new Set(labelDetails?.map(({ group }) => group));
    expect(pairs.size, tag).toBe(groups.size);
  }
});
