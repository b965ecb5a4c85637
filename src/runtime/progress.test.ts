import { expect, test } from 'vitest';
import { ProgressTotal } from './progress.js';

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
