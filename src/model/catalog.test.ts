import { expect, test } from 'vitest';
import { embeddedManifests, publicManifests } from './catalog.js';

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
