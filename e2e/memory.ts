/** Memory of a page and its workers, as the browser's own tools see it. */
import type { CDPSession, Page } from '@playwright/test';
import type { TestServer } from './server.js';

/** Bytes in use after a garbage collection. */
export interface MemoryUse {
  /** JavaScript objects and buffers of the page and all its workers. */
  jsHeap: number;
  /** Every WebAssembly.Memory of the workers started through {@link serveCountingWorker}. */
  wasm: number;
}

/**
 * Serves a worker script that notes every WebAssembly.Memory and then runs the built worker.
 * Threads share one memory, which the protocol's heap figures leave out.
 *
 * @returns The script's address, for the option `workerUrl`.
 */
export function serveCountingWorker(server: TestServer): string {
  server.route('/counting-worker.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' });
    response.end(`
      const Memory = WebAssembly.Memory;
      self.memories = [];
      WebAssembly.Memory = class extends Memory {
        constructor(descriptor) {
          super(descriptor);
          self.memories.push(this);
        }
      };
      importScripts('/dist/worker-wasm.js');
    `);
  });
  return `${server.origin}/counting-worker.js`;
}

/** Collects garbage everywhere, then measures. */
export async function measureMemory(page: Page): Promise<MemoryUse> {
  const session = await page.context().newCDPSession(page);
  const workers: string[] = [];
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
    if (targetInfo.type === 'worker') workers.push(sessionId);
  });
  await session.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  await session.send('HeapProfiler.collectGarbage');
  let jsHeap = total(await session.send('Runtime.getHeapUsage'));
  for (const worker of workers) {
    await callWorker(session, worker, 'HeapProfiler.collectGarbage');
    jsHeap += total((await callWorker(session, worker, 'Runtime.getHeapUsage')) as HeapUsage);
  }
  await session.detach();
  let wasm = 0;
  for (const worker of page.workers()) {
    wasm += await worker.evaluate(() => {
      const { memories = [] } = self as unknown as { memories?: WebAssembly.Memory[] };
      return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    });
  }
  return { jsHeap, wasm };
}

interface HeapUsage {
  usedSize: number;
  backingStorageSize: number;
}

function total({ usedSize, backingStorageSize }: HeapUsage): number {
  return usedSize + backingStorageSize;
}

/** Calls a worker's DevTools protocol through its page's session. */
function callWorker(session: CDPSession, sessionId: string, method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const receive = (event: { sessionId: string; message: string }) => {
      const answer = JSON.parse(event.message);
      if (event.sessionId !== sessionId || answer.id !== 1) return;
      session.off('Target.receivedMessageFromTarget', receive);
      if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
      else resolve(answer.result);
    };
    session.on('Target.receivedMessageFromTarget', receive);
    const message = JSON.stringify({ id: 1, method, params: {} });
    session.send('Target.sendMessageToTarget', { sessionId, message }).catch(reject);
  });
}
