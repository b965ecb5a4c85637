/** Machines that are not at hand: a real GPU, a slow WASM, a GPU that computes wrongly. */
import type { Page } from '@playwright/test';

/** Takes the software adapter for a real one, which `auto` tries. */
export async function believeInGpu(page: Page): Promise<void> {
  await page.addInitScript(() =>
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false }),
  );
}

/**
 * Makes the first worker's runs seem long: its clock is hurried. No network is faster on a software
 * adapter than on WASM.
 */
export function hurryClock(page: Page): void {
  let isFirst = true;
  page.on('worker', (worker) => {
    if (!isFirst) return;
    isFirst = false;
    void worker.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() * 1e5;
    });
  });
}

/**
 * Makes all runs in workers seem to take the same time, however many requests they are for: a clock that goes
 * on whenever somebody looks.
 */
export function countingClock(page: Page): void {
  page.on('worker', (worker) => {
    void worker.evaluate(() => {
      let looks = 0;
      performance.now = () => {
        looks += 1;
        return looks / 100;
      };
    });
  });
}

/** What a faulty GPU does to the numbers that are read back from it. */
export type GpuFault =
  | 'scales a channel'
  | 'gives NaN'
  | 'gives the numbers of the last run'
  | 'spoils the second of several';

/**
 * Lets the GPU of all later workers compute wrongly: what a buffer holds is changed where it is read,
 * between the device and the engine.
 */
export function breakGpu(page: Page, fault: GpuFault): void {
  page.on('worker', (worker) => {
    void worker.evaluate((fault) => {
      if (typeof GPUBuffer !== 'function') return;
      const { getMappedRange } = GPUBuffer.prototype;
      const last = new Map<number, Float32Array>();
      GPUBuffer.prototype.getMappedRange = function (this: GPUBuffer, ...range) {
        const bytes = getMappedRange.apply(this, range);
        if (!(this.usage & GPUBufferUsage.MAP_READ)) return bytes;
        const numbers = new Float32Array(bytes);
        const right = numbers.slice();
        if (fault === 'scales a channel') numbers[1] = (right[1] ?? 0) * 1.1;
        else if (fault === 'gives NaN') numbers[2] = Number.NaN;
        else if (fault === 'spoils the second of several') {
          // Answers of three numbers, in buffers of four.
          if (numbers.length > 4) numbers[3] = (right[3] ?? 0) + 1;
        } else numbers.set(last.get(numbers.length) ?? right);
        last.set(numbers.length, right);
        return bytes;
      };
    }, fault);
  });
}
