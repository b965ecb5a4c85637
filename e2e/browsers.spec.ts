/** Other engines than Chromium: the script tag loads, classifies, and gives the same best answers. */
import { readFileSync } from 'node:fs';
import { firefox, webKit } from './drivers.js';
import { expect, needsShared, test } from './fixtures.js';
import { mobileNetManifest } from './models.js';
import { sharedFolder } from './server.js';

interface Outcome {
  best: { label: string; index: number }[];
  device: string;
  threads: number;
  /** WebKitGTK has none, even on isolated pages. */
  hasSharedMemory: boolean;
}

for (const { name, missing, openAndRead } of [firefox, webKit]) {
  const sharesMemory = name === 'Firefox';
  test.describe(name, () => {
    test.skip(missing !== undefined, `not run: needs ${missing}`);

    for (const isolated of [false, true]) {
      test(`reads a digit${isolated ? ', on an isolated page' : ''}`, async ({ server }) => {
        const url = `${server.origin}/pages/browsers.html${isolated ? '?isolated' : ''}`;
        const outcome: Outcome = JSON.parse(await openAndRead(url, 'outcome'));
        expect(outcome).toMatchObject({ device: 'wasm', best: [{ label: '7' }, { label: '7' }] });
        expect(outcome.hasSharedMemory).toBe(isolated && sharesMemory);
        if (isolated && sharesMemory) expect(outcome.threads).toBeGreaterThan(1);
        else expect(outcome.threads).toBe(1);
      });
    }

    test('photos have the best answers of native onnxruntime', async ({ server }) => {
      needsShared('reference.json');
      const { images } = JSON.parse(readFileSync(`${sharedFolder}/reference.json`, 'utf8')) as {
        images: { file: string; top5: Record<string, [index: number, score: number][]> }[];
      };
      const labels = readFileSync(`${sharedFolder}/models/imagenet_1001.txt`, 'utf8')
        .trimEnd()
        .split('\n');
      server.route('/mobilenet-browsers/model.json', mobileNetManifest('fp32', labels));
      const sample = images.slice(0, 12);
      const query = new URLSearchParams({
        model: '/mobilenet-browsers/model.json',
        images: sample.map(({ file }) => `/shared/images/photos/${file}`).join(','),
      });
      const url = `${server.origin}/pages/browsers.html?${query}`;
      const outcome: Outcome = JSON.parse(await openAndRead(url, 'outcome'));
      expect(outcome.best.map(({ index }) => index)).toEqual(
        sample.map(({ top5 }) => top5['mobilenet_v2_1.0_224.fp32']?.[0]?.[0]),
      );
    });
  });
}
