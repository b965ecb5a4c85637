/** A device is believed only after it has given the right answer. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, needsShared, test } from './fixtures.js';
import { sharedFolder } from './server.js';

/** Models that the engine computes wrongly on WebGPU, and what is right. */
const cases = 'cases/webgpu';

/** Byte j of the picture is `(j * 37) % 251`, alpha 255; 32 × 32. */
function classifyPattern(page: Page, models: readonly string[], device: 'auto' | 'webgpu') {
  return page.evaluate(
    async ({ models, device }) => {
      const data = new Uint8ClampedArray(32 * 32 * 4);
      for (let j = 0; j < data.length; j++) data[j] = j % 4 === 3 ? 255 : (j * 37) % 251;
      const picture = new ImageData(data, 32, 32);
      const results: Record<string, { scores: number[]; fallbacks: string[]; device: string }> = {};
      for (const name of models) {
        const classifier = await window.tabserve.ImageClassifier.create({
          model: `/shared/cases/webgpu/${name}.json`,
          device,
        });
        const answers = await classifier.classify(picture, { topK: 5 });
        const scores = answers.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
        const { info } = classifier;
        const fallbacks = info.fallbacks.map(({ reason }) => reason);
        results[name] = { scores, fallbacks, device: info.device };
        classifier.destroy();
      }
      return results;
    },
    { models, device },
  );
}

for (const build of ['jspi', 'asyncify'] as const) {
  test(`known faults of the engine are gone round: ${build}`, async ({ page, open }) => {
    needsShared(cases);
    const expected = JSON.parse(
      readFileSync(`${sharedFolder}/${cases}/expected.json`, 'utf8'),
    ) as Record<string, number[]>;
    if (build === 'asyncify') {
      await page.addInitScript(() => {
        Reflect.deleteProperty(WebAssembly, 'Suspending');
      });
    }
    await open();
    const results = await classifyPattern(page, Object.keys(expected), 'webgpu');
    for (const [name, right] of Object.entries(expected)) {
      const { scores = [], device } = results[name] ?? {};
      expect(device, name).toBe('webgpu');
      right.forEach((score, index) => {
        expect(Math.abs((scores[index] ?? 0) - score), `${name}, class ${index}`).toBeLessThan(
          1e-3,
        );
      });
    }
    // Whether a model was rewritten is said, and only of those that were.
    expect(results.conv5_6_16?.fallbacks).toEqual([expect.stringContaining('from 6 to 8')]);
    expect(results.conv5_8_16?.fallbacks).toEqual([]);
  });
}
