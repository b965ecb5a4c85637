import { expect, test } from 'vitest';
import { ProgressTotal, paced } from './progress.js';

test('reports nothing before all sizes are known, then never falls', () => {
  const reports: [number, number, number][] = [];
  const progress = new ProgressTotal(['engine', 'model'] as const, (...bytes) =>
    reports.push(bytes),
  );
  progress.set('engine', 10, 100);
  expect(reports).toEqual([]);
  progress.set('model', 0, 50, 0);
  progress.set('engine', 5, 100);
  progress.set('model', 60, 50, 20);
  progress.set('engine', 100, 100);
  expect(reports).toEqual([
    [10, 150, 0],
    [10, 150, 0],
    [65, 150, 20],
    [160, 160, 20],
  ]);
});

test('passes on the first report, the last one, and the latest of those in between', async () => {
  const reports: number[] = [];
  const listener = paced((loaded) => reports.push(loaded));
  for (let loaded = 0; loaded < 100; loaded++) listener(loaded, 100, 0);
  expect(reports).toEqual([0]);
  await expect.poll(() => reports).toEqual([0, 99]);
  listener(99.5, 100, 0);
  listener(100, 100, 0);
  expect(reports.at(-1)).toBe(100);
});

test('the whole is not known while one part is not', () => {
  const totals: number[] = [];
  const progress = new ProgressTotal(['engine', 'model'] as const, (_loaded, total) =>
    totals.push(total),
  );
  progress.set('engine', 100, 100);
  progress.set('model', 30, Number.POSITIVE_INFINITY);
  progress.set('model', 50, 50);
  expect(totals).toEqual([Number.POSITIVE_INFINITY, 150]);
});
