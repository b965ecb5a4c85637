import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { autoWorkers, planBackends } from './backends.js';

beforeEach(() => vi.stubGlobal('Worker', class {}));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const browser = (navigator: object, isSecureContext = true) => {
  vi.stubGlobal('navigator', navigator);
  vi.stubGlobal('isSecureContext', isSecureContext);
};
const gpu = (isFallbackAdapter: boolean) => ({
  requestAdapter: async () => ({ info: { isFallbackAdapter } }),
});

it('begins on WASM and tells of the GPU later', async () => {
  browser({ gpu: gpu(false), hardwareConcurrency: 8 });
  const { plans, laterPlans } = await planBackends('auto', 'auto');
  expect(plans).toMatchObject([{ device: 'wasm', threads: 1 }]);
  expect((await laterPlans).rivals).toMatchObject([{ device: 'webgpu' }]);
});

it('says why a GPU is not used', async () => {
  for (const [navigator, reason] of [
    [{}, /no WebGPU/],
    [{ gpu: gpu(true) }, /software/],
    [{ gpu: { requestAdapter: async () => null } }, /no adapter/],
    [{ gpu: { requestAdapter: () => Promise.reject(new Error('broken')) } }, /broken/],
  ] as const) {
    browser(navigator);
    const { laterPlans } = await planBackends('auto', 'auto');
    const { rivals, fallbacks } = await laterPlans;
    expect(rivals).toEqual([]);
    expect(fallbacks).toMatchObject([{ from: 'webgpu', to: 'wasm' }]);
    expect(fallbacks[0]?.reason).toMatch(reason);
  }
  browser({}, false);
  await expect(planBackends('webgpu', 'auto')).rejects.toThrow(/secure context/);
});

it('does not wait for ever for a GPU', async () => {
  // Modules come by the real clock.
  await import('./background.js');
  vi.useFakeTimers();
  browser({ gpu: { requestAdapter: () => new Promise(() => undefined) } });
  const planned = planBackends('webgpu', 'auto');
  planned.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(5_000);
  await expect(planned).rejects.toMatchObject({ code: 'unsupported' });
});

it('loads one engine only where the user saves data', async () => {
  browser({ gpu: gpu(false), connection: { saveData: true } });
  const { plans, laterPlans } = await planBackends('auto', 'auto');
  expect(plans.map(({ device }) => device)).toEqual(['webgpu', 'wasm']);
  expect((await laterPlans).rivals).toEqual([]);
});

it('has threads on an isolated page only', async () => {
  browser({ hardwareConcurrency: 16 });
  const alone = await planBackends('wasm', 3);
  expect(alone.plans[0]).toMatchObject({ threads: 1, fallbacks: [{ from: '3 threads' }] });
  vi.stubGlobal('crossOriginIsolated', true);
  expect((await planBackends('wasm', 3)).plans[0]?.threads).toBe(3);
  const auto = await planBackends('wasm', 'auto');
  expect(auto.plans[0]?.threads).toBe(4);
  expect((await auto.laterPlans).rivals).toMatchObject([{ threads: 1 }]);
});

it('takes as many workers as cores and memory bear', () => {
  for (const [cores, memory, workers] of [
    [16, 8, 4],
    [16, undefined, 2],
    [16, 2, 1],
    [1, 8, 1],
    [2, 8, 2],
    [6, 8, 3],
  ] as const) {
    browser({ hardwareConcurrency: cores, deviceMemory: memory });
    expect(autoWorkers()).toBe(workers);
  }
});
