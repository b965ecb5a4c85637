/** What a version has done: counts, and where the time went. */
import type { StageTimings } from '../base/types.js';

/** Stages of a request, in the order in which they come. */
export const stages = [
  'parse',
  'capture',
  'queue',
  'decode',
  'preprocess',
  'inference',
  'postprocess',
  'write',
  'total',
] as const;

/** `parse` and `write` are the server's: body to question, answer to body. */
export type Stage = (typeof stages)[number];

/** Milliseconds by stage. A stage that a request has not is missing. */
export type Timings = Partial<Record<Stage, number>>;

/** Why a request failed, as Triton's metric has it. */
export type FailureReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

/** A count, and milliseconds. */
export interface Duration {
  count: number;
  time: number;
}

/** Upper bounds of a histogram's buckets, in seconds; those of Prometheus' clients, and smaller ones. */
export const bounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** A histogram of milliseconds. */
export class Histogram {
  /** How many were at most as long as each of {@link bounds}, and no bound before it. */
  readonly buckets: number[] = new Array(bounds.length).fill(0);
  count = 0;
  /** Milliseconds in all. */
  sum = 0;

  add(milliseconds: number): void {
    this.count += 1;
    this.sum += milliseconds;
    const index = bounds.findIndex((bound) => milliseconds <= bound * 1000);
    if (index >= 0) this.buckets[index] = (this.buckets[index] as number) + 1;
  }
}

/** The account of one version. */
export class VersionStatistics {
  readonly success: Duration = { count: 0, time: 0 };
  readonly fail: Duration = { count: 0, time: 0 };
  readonly failures: Record<FailureReason, number> = {
    REJECTED: 0,
    CANCELED: 0,
    BACKEND: 0,
    OTHER: 0,
  };
  /** Items of the requests that succeeded: rows of a batch, pictures, texts. */
  inferences = 0;
  /** By the number of items. */
  readonly batches = new Map<number, { count: number; timings: Required<Timings> }>();
  /** When it last answered, in milliseconds since 1970; 0 for never. */
  lastInference = 0;
  readonly histograms: Readonly<Record<Stage, Histogram>> = Object.fromEntries(
    stages.map((stage) => [stage, new Histogram()]),
  ) as Record<Stage, Histogram>;

  succeeded(timings: Timings, items: number): void {
    this.success.count += 1;
    this.success.time += timings.total ?? 0;
    this.inferences += items;
    this.lastInference = Date.now();
    const batch = this.batches.get(items) ?? { count: 0, timings: zeros() };
    batch.count += 1;
    for (const stage of stages) {
      const time = timings[stage];
      if (time === undefined) continue;
      batch.timings[stage] += time;
      this.histograms[stage].add(time);
    }
    // Sizes are the callers' choice, and are not to fill the memory.
    if (this.batches.size < 256 || this.batches.has(items)) this.batches.set(items, batch);
  }

  failed(reason: FailureReason, time: number): void {
    this.failures[reason] += 1;
    this.fail.count += 1;
    this.fail.time += time;
  }

  /** Milliseconds of stages, over all that succeeded. */
  time(...wanted: readonly Stage[]): number {
    return wanted.reduce((sum, stage) => sum + this.histograms[stage].sum, 0);
  }
}

function zeros(): Required<Timings> {
  return Object.fromEntries(stages.map((stage) => [stage, 0])) as Required<Timings>;
}

/** The stages of a model's own report. */
export function modelTimings({ total: _, ...timings }: StageTimings): Timings {
  return timings;
}

/** Stages by what Triton calls them. */
export const tritonStages = {
  queue: ['queue'],
  compute_input: ['parse', 'capture', 'decode', 'preprocess'],
  compute_infer: ['inference'],
  compute_output: ['postprocess', 'write'],
} as const satisfies Readonly<Record<string, readonly Stage[]>>;
