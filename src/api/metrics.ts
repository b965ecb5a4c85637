/** A classifier's running account of its requests. */
import { isTabserveError } from '../base/errors.js';
import type { ClassifierMetrics, Percentiles, RequestReport, StageTimings } from './types.js';

/** How many requests the percentiles look back on. */
const windowSize = 1000;

const stages = [
  'capture',
  'queue',
  'decode',
  'preprocess',
  'inference',
  'postprocess',
  'total',
] as const satisfies readonly (keyof StageTimings)[];

/** Counts requests and keeps the latest timings. */
export class MetricsRecorder {
  readonly #window: StageTimings[] = [];
  readonly #errorsByCode: Record<string, number> = {};
  #requests = 0;
  #errors = 0;
  #aborted = 0;
  /** Requests under way. */
  pending = 0;
  /** Times that the worker was replaced. */
  restarts = 0;
  /** Requests that were made again. */
  retries = 0;

  succeeded({ timings, attempts }: Pick<RequestReport, 'timings' | 'attempts'>): void {
    this.retries += attempts - 1;
    this.#window[this.#requests % windowSize] = timings;
    this.#requests += 1;
  }

  failed(error: unknown): void {
    if (!isTabserveError(error)) {
      this.#aborted += 1;
      return;
    }
    this.#errors += 1;
    this.#errorsByCode[error.code] = (this.#errorsByCode[error.code] ?? 0) + 1;
  }

  snapshot(): Omit<ClassifierMetrics, 'workers'> {
    const latency = {} as Record<keyof StageTimings, Percentiles>;
    for (const stage of stages) latency[stage] = percentiles(this.#window.map((t) => t[stage]));
    return {
      requests: this.#requests + this.#errors + this.#aborted,
      errors: this.#errors,
      errorsByCode: { ...this.#errorsByCode },
      aborted: this.#aborted,
      pending: this.pending,
      restarts: this.restarts,
      retries: this.retries,
      latency,
    };
  }
}

/** Percentiles by the nearest-rank method; zeros for no values. */
export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
