/** What a model makes of a fixed input on this device, and how long that takes. */

import { TabserveError } from '../base/errors.js';
import type { Feeds } from '../base/gpu-tensor.js';
import type { Probe, ProbeRequest } from '../wire/protocol.js';
import { checkInput } from './check-input.js';
import { compareOutputs, digestOf, tolerances } from './compare.js';
import type { Engine } from './engine.js';
import type { LoadedEntry } from './load.js';
import { type OpenedTest, openTest } from './self-test.js';

/** Whether this script's build of the engine computes on a GPU. The build puts it in. */
declare const __ENGINE_HAS_GPU__: boolean;

/** Runs that are timed, after one that is not. */
const timedRuns = 3;

/**
 * Runs a model on check inputs. Other requests have their turns in between.
 *
 * As the reference it is one run. As the one that is compared, two inputs take turns, so that the
 * output of an earlier run, left in its buffer, is not taken for the answer; the runs are those that
 * are timed anyway.
 *
 * @throws TabserveError `model-invalid`, `device-lost`, `out-of-memory`; the signal's reason.
 */
export async function probeModel(
  engine: Engine,
  entry: LoadedEntry,
  { reference, dtypes, isTimed }: ProbeRequest,
  signal: AbortSignal,
): Promise<Probe> {
  const { session, opened, remember } = entry;
  const test = reference === 'self-test' ? await testOf(entry, signal) : null;
  const sample = test?.feeds ?? opened.sample();
  const [asked, other] = [test?.feeds ?? checkInput(sample, 1), checkInput(sample, 2)];
  const names = test ? test.outputs.map(({ name }) => name) : opened.outputs;
  const right = reference === 'self-test' ? (test?.outputs ?? []) : reference;
  const times: number[] = [];
  const run = (feeds: Feeds) =>
    engine.exclusive(async () => {
      signal.throwIfAborted();
      const began = performance.now();
      const outputs = await session.run(feeds, names);
      times.push(performance.now() - began);
      return outputs;
    });
  let difference: string | null = null;
  let outputs: Probe['outputs'] = [];
  if (!isTimed && !reference) {
    outputs = digestOf(await run(asked));
    return { time: null, outputs, difference };
  }
  for (let i = 0; i <= (isTimed ? timedRuns : 1); i++) {
    const found = await run(i % 2 ? asked : other);
    if (i % 2) outputs = digestOf(found, test?.outputs);
    // WASM is what others are compared with.
    if (__ENGINE_HAS_GPU__ && i % 2 && right) {
      const tolerance = Math.max(...dtypes.map((dtype) => tolerances[dtype]));
      difference ??= compareOutputs(right, outputs, tolerance)?.message ?? null;
    }
  }
  if (__ENGINE_HAS_GPU__ && right) {
    await remember?.({ by: test ? 'self-test' : 'reference', difference });
  }
  const [, ...timed] = times;
  const time = timed.sort((a, b) => a - b)[timed.length >> 1] as number;
  return { time, outputs, difference };
}

/** The first of the recorded tests: one is enough, and costs one run. */
async function testOf({ tests, read }: LoadedEntry, signal: AbortSignal): Promise<OpenedTest> {
  const [test] = tests;
  if (!test) throw new TabserveError('internal', 'The model has no self-test.');
  return openTest(test, (url) => read(url, signal));
}
