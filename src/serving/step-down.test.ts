import { describe, expect, it } from 'vitest';
import { type ErrorCode, TabserveError } from '../base/errors.js';
import type { BackendPlan } from './backends.js';
import { planAfter } from './step-down.js';

const webgpu: BackendPlan = {
  device: 'webgpu',
  flavour: 'jspi',
  threads: 1,
  reason: '',
  fallbacks: [],
};
const wasm: BackendPlan = {
  device: 'wasm',
  flavour: 'wasm',
  threads: 4,
  reason: '',
  fallbacks: [],
};
const stepOf = (plans: BackendPlan[], code: ErrorCode, isTrusted: boolean) =>
  planAfter(plans, new TabserveError(code, ''), isTrusted);

describe('planAfter', () => {
  it('gives a backend up for what it lacks, whether it has worked or not', () => {
    for (const code of ['model-invalid', 'out-of-memory'] as const) {
      for (const isTrusted of [true, false]) {
        expect(stepOf([webgpu, wasm], code, isTrusted)).toEqual({
          plans: [wasm],
          from: 'webgpu',
          to: 'wasm',
        });
      }
    }
  });

  it('forgives a trusted backend a loss, and not another one', () => {
    for (const code of ['unsupported', 'worker-crashed', 'device-lost'] as const) {
      expect(stepOf([webgpu, wasm], code, true)).toBeUndefined();
      expect(stepOf([webgpu, wasm], code, false)?.plans).toEqual([wasm]);
    }
  });

  it('changes nothing for errors that every backend has', () => {
    for (const code of ['network', 'integrity', 'model-not-found', 'internal'] as const) {
      expect(stepOf([webgpu, wasm], code, false)).toBeUndefined();
    }
    expect(planAfter([webgpu, wasm], new Error('?'), false)).toBeUndefined();
  });

  it('answers a lack of memory with fewer threads, and then with the next backend', () => {
    const step = stepOf([wasm], 'out-of-memory', true);
    expect(step).toMatchObject({ from: '4 threads', to: '1 thread' });
    expect(step?.plans[0]?.threads).toBe(1);
    expect(planAfter(step?.plans ?? [], new TabserveError('out-of-memory', ''), true)).toBe(
      undefined,
    );
  });

  it('has nowhere to go from the last backend', () => {
    expect(stepOf([wasm], 'model-invalid', false)).toBeUndefined();
    expect(stepOf([], 'out-of-memory', false)).toBeUndefined();
  });
});
