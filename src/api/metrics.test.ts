import { expect, test } from 'vitest';
import { TabserveError } from '../base/errors.js';
import { MetricsRecorder, percentiles } from './metrics.js';

test('percentiles are by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentiles(hundred)).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 });
  expect(percentiles([7])).toEqual({ p50: 7, p95: 7, p99: 7, max: 7 });
  expect(percentiles([])).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
});

test('a recorder counts, and looks back on the latest 1,000', () => {
  const recorder = new MetricsRecorder();
  const timings = (total: number) => ({
    capture: 0,
    queue: 0,
    decode: 0,
    preprocess: 0,
    inference: 0,
    postprocess: 0,
    total,
  });
  for (let n = 1; n <= 1500; n += 1)
    recorder.succeeded({ timings: timings(n), attempts: n === 7 ? 2 : 1 });
  recorder.failed(new TabserveError('network', ''));
  recorder.failed(new TabserveError('network', ''));
  recorder.failed(new DOMException('enough', 'AbortError'));
  const metrics = recorder.snapshot();
  expect(metrics).toMatchObject({
    requests: 1503,
    errors: 2,
    errorsByCode: { network: 2 },
    aborted: 1,
    retries: 1,
  });
  expect(metrics.latency.total).toEqual({ p50: 1000, p95: 1450, p99: 1490, max: 1500 });
});
