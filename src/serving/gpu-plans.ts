/** What a browser's GPU changes about the backends. */

import { messageOf, TabserveError } from '../base/errors.js';
import type { BackendPlan, LaterPlans } from './backends.js';

/** A browser that does not answer about its GPU in this time is taken to have none. */
const adapterTimeout = 5_000;

const software = 'its adapter is a software one, slower than WASM';

/** JSPI lets WASM wait for the GPU without the cost of asyncify's rewritten code. */
const webgpu = {
  device: 'webgpu',
  flavour:
    typeof WebAssembly === 'object' && 'Suspending' in WebAssembly
      ? ('jspi' as const)
      : ('asyncify' as const),
  threads: 1,
} as const;

/**
 * The backends to try where the GPU comes first: it was asked for by name, or only one engine is to be
 * loaded.
 *
 * @param planWasm - The plan for WASM, for a reason.
 * @throws TabserveError `unsupported` where a GPU was asked for and there is none.
 */
export async function planGpu(
  device: 'auto' | 'webgpu',
  planWasm: (reason: string) => BackendPlan,
): Promise<BackendPlan[]> {
  const gpu = await findGpu();
  if (!gpu.usable) {
    if (device === 'auto') return [withoutGpu(planWasm(''), gpu.reason)];
    throw new TabserveError(
      'unsupported',
      `There is no WebGPU: ${gpu.reason}. Use device "wasm", or "auto".`,
    );
  }
  if (device === 'webgpu') return [{ ...webgpu, reason: 'asked for by name', fallbacks: [] }];
  if (gpu.isSoftware) return [withoutGpu(planWasm(''), software)];
  const reason = 'the user saves data, and one engine is loaded';
  return [{ ...webgpu, reason, fallbacks: [] }, planWasm('WebGPU failed')];
}

/**
 * What becomes of a plan for WASM that was made before the GPU was known.
 *
 * @param rivals - What else to try beside it.
 */
export async function besideGpu(plan: BackendPlan, rivals: BackendPlan[]): Promise<LaterPlans> {
  const gpu = await findGpu();
  if (gpu.usable && !gpu.isSoftware) {
    const { reason, fallbacks } = plan;
    const first = { ...webgpu, reason: 'not measured yet', fallbacks: [] };
    return { rivals: [first, ...rivals], reason, fallbacks };
  }
  const { reason, fallbacks } = withoutGpu(plan, gpu.usable ? software : gpu.reason);
  return { rivals: rivals.map((each) => ({ ...each, reason, fallbacks })), reason, fallbacks };
}

function withoutGpu(plan: BackendPlan, reason: string): BackendPlan {
  const fallbacks = [{ from: 'webgpu', to: 'wasm', reason }, ...plan.fallbacks];
  return { ...plan, reason: `WebGPU is not used: ${reason}`, fallbacks };
}

type GpuFinding = { usable: true; isSoftware: boolean } | { usable: false; reason: string };

async function findGpu(): Promise<GpuFinding> {
  const { gpu } = navigator;
  if (!gpu) {
    const reason = globalThis.isSecureContext
      ? 'this browser has no WebGPU'
      : 'WebGPU needs a secure context (https or localhost)';
    return { usable: false, reason };
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const adapter = await Promise.race([
      gpu.requestAdapter({ powerPreference: 'high-performance' }),
      new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, adapterTimeout, 'late');
      }),
    ]);
    if (adapter === 'late') return { usable: false, reason: 'the browser does not answer' };
    if (!adapter) return { usable: false, reason: 'the browser has no adapter for this GPU' };
    return { usable: true, isSoftware: adapter.info.isFallbackAdapter };
  } catch (error) {
    return { usable: false, reason: `the browser refused it (${messageOf(error)})` };
  } finally {
    clearTimeout(timer);
  }
}
