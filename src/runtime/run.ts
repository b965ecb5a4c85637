/** The way of one request through the worker, from the wire to the answer. */
import { TabserveError } from '../base/errors.js';
import type { Check } from '../base/shape.js';
import type { Tensors } from '../base/tensor.js';
import type { RunRequest, RunResult } from '../wire/protocol.js';
import type { Engine } from './engine.js';
import { Laps } from './laps.js';
import type { LoadedEntry } from './load.js';
import type { PreparedRequest } from './task.js';

/**
 * Prepares, runs and interprets.
 *
 * @throws TabserveError what the task throws, `model-invalid`, `device-lost`, `out-of-memory`,
 *   `invalid-argument`; the signal's reason when aborted.
 */
export async function runRequest(
  { payload, options }: Pick<RunRequest, 'payload' | 'options'>,
  engine: Engine,
  { session, task, opened, late }: LoadedEntry,
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
    laps.lap('queue');
    const prepared = await opened.prepare(payload, options, {
      signal,
      lap: (stage) => laps.lap(stage),
    });
    let outputs: Tensors;
    try {
      laps.lap('preprocess');
      outputs = await engine.exclusive(() => {
        signal.throwIfAborted();
        laps.lap('queue');
        const outputs = prepared.outputs ?? opened.outputs;
        return infer(prepared, (feeds) => session.run(feeds, outputs), laps);
      });
    } finally {
      prepared.close?.();
    }
    laps.lap('inference');
    const answer = await prepared.interpret(outputs);
    laps.lap('postprocess');
    return {
      answer,
      report: prepared.report,
      timings: {
        queue: laps.read('queue'),
        decode: laps.read('decode'),
        preprocess: laps.read('preprocess'),
        inference: laps.read('inference'),
        postprocess: laps.read('postprocess'),
      },
      ...(late.length > 0 && { late }),
    };
  } finally {
    leave();
  }
}

/** Feeds the network, and feeds it again if the task finds that it was fed wrongly. */
async function infer(
  prepared: PreparedRequest,
  run: (feeds: Awaited<ReturnType<PreparedRequest['feeds']>>) => Promise<Tensors>,
  laps: Pick<Laps<'preprocess'>, 'lap'>,
): Promise<Tensors> {
  const feeds = await prepared.feeds();
  laps.lap('preprocess');
  const first = await run(feeds).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const instead = await prepared.amend?.();
  if (instead) return run(instead);
  if ('error' in first) throw first.error;
  return first.value;
}

function refuse(what: 'payload' | 'options', value: unknown, check: Check): void {
  const problem = check(value, what);
  if (problem === undefined) return;
  throw new TabserveError('invalid-argument', `The worker was asked to run, but ${problem}.`);
}
