/** Which backends this browser can offer, best first, and why. */

import type { Device, Fallback } from '../api/types.js';
import { TabserveError } from '../base/errors.js';
import type { EngineFlavour } from '../wire/protocol.js';
import { besideGpu, planGpu } from './gpu-plans.js';

/** One way to run a model. */
export interface BackendPlan {
  device: Device;
  flavour: EngineFlavour;
  /** Threads of the WASM backend; 1 on WebGPU. */
  threads: number;
  /** Why this one, in words. */
  reason: string;
  /** What was given up for it. */
  fallbacks: readonly Fallback[];
}

/** What a browser can offer. */
export interface BackendPlans {
  /** Best first: the first that loads is used. */
  plans: BackendPlan[];
  /**
   * What is known once the browser has answered about its GPU, for which loading need not wait: what
   * to try beside the one in use and to move to if it is faster, and what is to be said of the plans.
   */
  laterPlans: Promise<LaterPlans>;
}

/** See {@link BackendPlans.laterPlans}. */
export interface LaterPlans {
  rivals: BackendPlan[];
  reason: string;
  fallbacks: readonly Fallback[];
}

/** More threads than this cost more in memory and waiting than small networks gain. */
const maxAutoThreads = 4;

/**
 * The backends to try.
 *
 * With a GPU, `auto` begins on WASM, which answers first: the GPU's engine is larger, and its
 * shaders take their time to compile. With threads, one thread is tried too: on a busy machine
 * several wait for each other. Where the user asks to save data, only one of the two is
 * loaded, the GPU's.
 *
 * @throws TabserveError `unsupported` when nothing that was asked for exists here.
 */
export async function planBackends(
  device: 'auto' | Device,
  threads: 'auto' | number,
): Promise<BackendPlans> {
  if (typeof WebAssembly !== 'object' || typeof Worker !== 'function') {
    throw new TabserveError(
      'unsupported',
      'tabserve needs WebAssembly and Web Workers; this environment lacks them. On a server, call it in the browser only (in an effect or an event handler).',
    );
  }
  if (device === 'wasm') {
    const plan = planWasm(threads, 'asked for by name', []);
    return alone([plan], singleThread(plan, threads));
  }
  if (device === 'auto' && !savesData()) {
    const plan = planWasm(threads, 'it answers while WebGPU gets ready', []);
    return { plans: [plan], laterPlans: besideGpu(plan, singleThread(plan, threads)) };
  }
  return alone(await planGpu(device, (reason) => planWasm(threads, reason, [])));
}

/** Plans that are settled. */
function alone(plans: BackendPlan[], rivals: BackendPlan[] = []): BackendPlans {
  const { reason = '', fallbacks = [] } = plans[0] ?? {};
  return { plans, laterPlans: Promise.resolve({ rivals, reason, fallbacks }) };
}

function planWasm(
  threads: 'auto' | number,
  reason: string,
  fallbacks: readonly Fallback[],
): BackendPlan {
  const plan = { device: 'wasm', flavour: 'wasm', reason, fallbacks } as const;
  // WebKitGTK isolates pages and has no shared memory for them.
  if (globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function') {
    const half = Math.ceil((globalThis.navigator?.hardwareConcurrency || 1) / 2);
    const auto = Math.min(maxAutoThreads, Math.max(2, half));
    return { ...plan, threads: threads === 'auto' ? auto : threads };
  }
  if (threads === 'auto' || threads === 1) return { ...plan, threads: 1 };
  const fallback = {
    from: `${threads} threads`,
    to: '1 thread',
    reason: globalThis.crossOriginIsolated
      ? 'this browser shares no memory between threads'
      : 'the page is not cross-origin isolated: send Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp (or credentialless)',
  };
  return { ...plan, threads: 1, fallbacks: [...fallbacks, fallback] };
}

/** The same with one thread, where the number of threads was not asked for. */
function singleThread(plan: BackendPlan, threads: 'auto' | number): BackendPlan[] {
  return threads === 'auto' && plan.threads > 1 ? [{ ...plan, threads: 1 }] : [];
}

/** Whether the user wants few bytes loaded. Only Chromium says so. */
export function savesData(): boolean {
  const { connection } = globalThis.navigator as { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}

/**
 * How many workers may serve one model: as many as half of the cores, but 2 where there are two, and
 * fewer where memory is small, or the browser does not say how much there is. Each holds the engine
 * and the model.
 */
export function autoWorkers(): number {
  const { hardwareConcurrency: cores = 1, deviceMemory = 4 } = (globalThis.navigator ??
    {}) as Navigator & { deviceMemory?: number };
  const most = deviceMemory <= 2 ? 1 : deviceMemory <= 4 ? 2 : 4;
  return Math.min(most, cores, Math.max(2, Math.floor(cores / 2)));
}
