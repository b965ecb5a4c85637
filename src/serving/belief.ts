/** A device is believed once it has computed what the reference computes. */
import { TabserveError } from '../base/errors.js';
import type { Finding } from '../base/probe.js';
import type { BackendPlan } from './backends.js';
import type { Environment, Lease } from './environment.js';
import type { LoadReplica, ModelReplica, ModelSettings, ReplicaOptions } from './replica.js';

/** What others are checked against: WASM on one thread. */
export const reference: BackendPlan = {
  device: 'wasm',
  flavour: 'wasm',
  threads: 1,
  reason: 'the GPU does not compute what WASM does',
  fallbacks: [],
};

/** What was found out about a device. */
export interface Times {
  /** Milliseconds of one run there, and at the reference. */
  theirs: number;
  ours: number;
}

/**
 * Measures a device, and compares its outputs with those of the one in use for the same input. What
 * was compared at an earlier visit is not compared again.
 *
 * @param known - Milliseconds that a run at the reference is known to take.
 * @throws TabserveError `unsupported` where the outputs differ, with both numbers; else as a run.
 */
export async function tryOut(
  rival: ModelReplica,
  reference: ModelReplica,
  known: number | undefined,
  options: ReplicaOptions,
): Promise<Times> {
  const { finding, dtype } = rival.loaded;
  refuse(rival, finding);
  const dtypes = [dtype, reference.loaded.dtype];
  // More or fewer threads are no other arithmetic.
  const isKnown = finding !== null || rival.plan.device === 'wasm';
  const asked = { dtypes, reference: null, isTimed: known === undefined };
  const right = isKnown && known ? null : await reference.probe(asked, options);
  const outputs = isKnown || !right ? null : right.outputs;
  const found = await rival.probe({ dtypes, reference: outputs, isTimed: true }, options);
  refuse(rival, { by: 'reference', difference: found.difference });
  if (!isKnown) rival.verified = 'reference';
  return { theirs: found.time ?? 0, ours: known ?? right?.time ?? 0 };
}

/**
 * Checks a device that answers already by what is known of it, or by what the model's author recorded.
 *
 * @returns In words why it is wrong, or `null` where it is right; `undefined` where nobody knows.
 * @throws the signal's reason.
 */
export async function checkByRecord(
  serving: ModelReplica,
  options: ReplicaOptions,
): Promise<string | null | undefined> {
  const { dtype, finding, hasSelfTest } = serving.loaded;
  if (finding) return finding.difference === null ? null : wrong(serving, finding);
  if (!hasSelfTest) return undefined;
  const by = 'self-test';
  const asked = { dtypes: [dtype], isTimed: false, reference: by } as const;
  const found = await serving.probe(asked, options).catch(() => undefined);
  options.signal.throwIfAborted();
  // WASM is asked where the author's files are not to be had.
  if (!found) return undefined;
  const { difference } = found;
  if (difference !== null) return wrong(serving, { by, difference });
  serving.verified = by;
  return null;
}

/**
 * Checks a device that answers already, with a model on WASM that is loaded for this alone, from
 * what is here of it.
 *
 * @param known - Why the device is known to be wrong; else the two are compared.
 * @returns The model on WASM where it has to take over, and why; else `undefined`.
 * @throws TabserveError where it could not be checked.
 */
export async function checkByWasm(
  {
    environment,
    settings,
    load,
  }: {
    readonly environment: Environment;
    readonly settings: ModelSettings;
    readonly load: LoadReplica;
  },
  serving: ModelReplica,
  lease: Lease,
  known: string | undefined,
  options: ReplicaOptions,
): Promise<{ replica: ModelReplica; reason: string } | undefined> {
  const { dtype } = serving.loaded;
  let reason = known;
  // The same weights: they are here, and it is the device that is in question.
  const replica = await load(
    environment,
    lease,
    reference,
    { ...settings, dtype },
    { ...options, local: true },
  );
  try {
    if (!reason) {
      const asked = { dtypes: [dtype], isTimed: false };
      const { outputs } = await replica.probe({ ...asked, reference: null }, options);
      const { difference } = await serving.probe({ ...asked, reference: outputs }, options);
      if (difference !== null) reason = wrong(serving, { by: 'reference', difference });
    }
  } catch (error) {
    replica.unload();
    throw error;
  }
  if (reason) return { replica, reason };
  serving.verified = 'reference';
  replica.unload();
  return undefined;
}

function refuse(rival: ModelReplica, finding: Finding | null): void {
  if (finding?.difference) throw new TabserveError('unsupported', wrong(rival, finding));
}

function wrong({ plan, loaded }: ModelReplica, { by, difference }: Finding): string {
  const adapter = loaded.adapter === null ? '' : ` (${loaded.adapter})`;
  const right =
    by === 'self-test' ? "the model's self-test records" : 'WASM computes for the same input';
  return `${plan.device}${adapter} does not compute what ${right}: ${difference}`;
}
