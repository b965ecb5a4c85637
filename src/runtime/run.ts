/** The way of one request through the worker, from the wire to the answer. */
import { TabserveError } from '../base/errors.js';
import type { Check } from '../base/shape.js';
import type { RunRequest, RunResult } from '../wire/protocol.js';
import type { Ran } from './batches.js';
import type { Engine } from './engine.js';
import { Laps } from './laps.js';
import type { LoadedEntry } from './load.js';

/**
 * Prepares, runs and interprets.
 *
 * @throws TabserveError what the task throws, `model-invalid`, `device-lost`, `out-of-memory`,
 *   `invalid-argument`; the signal's reason when aborted.
 */
export async function runRequest(
  { payload, options }: Pick<RunRequest, 'payload' | 'options'>,
  engine: Engine,
  { session, batches, capture, task, opened, late, reported }: LoadedEntry,
  signal: AbortSignal,
): Promise<RunResult> {
  refuse('payload', payload, task.checks.payload);
  refuse('options', options, task.checks.options);
  const laps = new Laps<keyof RunResult['timings']>();
  const leave = await engine.gate.enter(signal).catch((reason: unknown) => {
    task.discard?.(payload);
    throw reason;
  });
  try {
    const donePreparing = await engine.preparing.enter(signal).catch((reason: unknown) => {
      task.discard?.(payload);
      throw reason;
    });
    laps.lap('queue');
    if (engine.gate.waiting > 0) batches.considerTrial();
    const prepared = await opened
      .prepare(payload, options, { signal, lap: (stage) => laps.lap(stage) })
      .finally(donePreparing);
    let ran: Ran;
    try {
      laps.lap('preprocess');
      ran = await batches.run({ prepared, laps, signal });
    } finally {
      prepared.close?.();
    }
    const { outputs, shared } = ran;
    // More of them at a time, so that one run's worth is here when another ends.
    const wanted = 2 * batches.size;
    engine.gate.widen(wanted);
    laps.lap('inference');
    prepared.took?.(
      laps.read('decode') + laps.read('preprocess') + laps.read('inference') / shared,
    );
    const reasons = [batches.reason, capture?.reason ?? null, session.unrecorded];
    const news = [...late, ...reasons.filter((reason) => reason !== null)];
    const answer = await prepared.interpret(outputs);
    laps.lap('postprocess');
    engine.answered();
    capture?.answered();
    return {
      answer,
      report: prepared.report,
      ...(opened.report !== reported && { taskReport: opened.report }),
      timings: {
        queue: laps.read('queue'),
        decode: laps.read('decode'),
        preprocess: laps.read('preprocess'),
        inference: laps.read('inference'),
        postprocess: laps.read('postprocess'),
      },
      shared,
      wanted: wanted + 2,
      ...(news.length > 0 && { late: news }),
    };
  } finally {
    leave();
  }
}

function refuse(what: 'payload' | 'options', value: unknown, check: Check): void {
  const problem = check(value, what);
  if (problem === undefined) return;
  throw new TabserveError('invalid-argument', `The worker was asked to run, but ${problem}.`);
}
