/** How much memory a page and its workers hold. */
import type { CDPSession, Page } from '@playwright/test';
import { servingWorkers } from './page.js';

/** Bytes. */
export interface MemoryUse {
  /** JavaScript objects of the page, after a garbage collection. */
  page: number;
  /** WebAssembly memories of the workers. */
  wasm: number;
  workers: number;
  total: number;
}

/** Makes the memories of every future worker known to {@link memoryOf}. */
export function watchMemories(page: Page): void {
  page.on('worker', (worker) => {
    void worker
      .evaluate(() => {
        const memories: WebAssembly.Memory[] = [];
        Object.assign(self, { memories });
        WebAssembly.Memory = class extends WebAssembly.Memory {
          constructor(descriptor: WebAssembly.MemoryDescriptor) {
            super(descriptor);
            memories.push(this);
          }
        };
      })
      // It may be gone already.
      .catch(() => undefined);
  });
}

export async function memoryOf(page: Page, session: CDPSession): Promise<MemoryUse> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const workers = servingWorkers(page);
  const sizes: number[] = [];
  for (const worker of workers) {
    const size = await worker.evaluate(() => {
      const { memories = [] } = self as unknown as { memories?: WebAssembly.Memory[] };
      return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    });
    if (size > 0) sizes.push(size);
  }
  // An engine that started before it could be watched is taken to be like the others.
  const mean = sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
  const wasm = mean * workers.length;
  return { page: usedSize, wasm, workers: workers.length, total: usedSize + wasm };
}
