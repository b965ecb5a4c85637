/** Several requests in one run, on a clock on which that is worth it. */
import type { Page } from '@playwright/test';
import { breakGpu, countingClock } from './devices.js';
import { expect, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';

/** Classifies pictures of three colours, first one alone and then many, until runs are shared or never will be. */
function classifyMany(page: Page, model: string, device: 'webgpu') {
  return page.evaluate(
    async ([model, device]) => {
      const classifier = await window.tabserve.ImageClassifier.create({
        model,
        device,
        preprocessing: 'cpu',
        maxWorkers: 1,
      });
      const batches: number[] = [];
      classifier.addEventListener('request', ({ detail }) => batches.push(detail.batch));
      const colours = ['red', 'lime', 'blue'];
      const pictures = Array.from({ length: 60 }, (_, index) => {
        const canvas = new OffscreenCanvas(8, 8);
        const context = canvas.getContext('2d');
        if (!context) throw new Error('no 2d context');
        context.fillStyle = colours[index % 3] ?? '';
        context.fillRect(0, 0, 8, 8);
        return canvas;
      });
      const [first] = pictures;
      if (first) await classifier.classify(first);
      let many: string[] = [];
      for (let round = 0; round < 20; round++) {
        const [answers] = await Promise.all([
          classifier.classify(pictures),
          ...pictures.map((picture) => classifier.classify(picture)),
        ]);
        many = answers.map(([best]) => `${best?.label} ${best?.score}`);
        const isOver = classifier.info.fallbacks.some(({ to }) => to === 'one in each');
        if (isOver || Math.max(...batches) > 1) break;
      }
      // Calls of their own share runs too, and one that is alone waits for nobody.
      batches.length = 0;
      const apart = await Promise.all(pictures.map((picture) => classifier.classify(picture)));
      const largest = Math.max(...batches);
      batches.length = 0;
      if (first) await classifier.classify(first);
      const { fallbacks } = classifier.info;
      classifier.destroy();
      const labels = apart.map(([best]) => `${best?.label} ${best?.score}`);
      return { many, apart: labels, largest, alone: batches, fallbacks };
    },
    [model, device] as const,
  );
}

const expected = Array.from({ length: 60 }, (_, index) =>
  ['red 1', 'green 1', 'blue 1'].at(index % 3),
);

test('many at once share runs, and each gets its own answer', async ({ open, page, server }) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  countingClock(page);
  await open();
  const found = await classifyMany(page, model, 'webgpu');
  expect(found.many).toEqual(expected);
  expect(found.apart).toEqual(expected);
  expect(found.largest).toBe(16);
  expect(found.alone).toEqual([1]);
});

test('a GPU that answers the second of several wrongly is asked one by one', async ({
  open,
  page,
  server,
}) => {
  const model = serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  countingClock(page);
  breakGpu(page, 'spoils the second of several');
  await open();
  const found = await classifyMany(page, model, 'webgpu');
  expect(found.many).toEqual(expected);
  expect(found.apart).toEqual(expected);
  expect(found.largest).toBe(1);
  expect(found.fallbacks).toContainEqual({
    from: 'several requests in a run',
    to: 'one in each',
    reason: expect.stringContaining('get other answers than one alone'),
  });
});
