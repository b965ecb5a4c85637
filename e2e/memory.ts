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
 * Serves a worker script that notes every WebAssembly.Memory, and what the platform's digest copies,
 * and then runs the built worker. Threads share one memory, which the protocol's heap figures leave
 * out, as they do what lies outside of the JavaScript engine.
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
      const { digest } = SubtleCrypto.prototype;
      let digested = 0;
      self.mostDigested = 0;
      SubtleCrypto.prototype.digest = async function (algorithm, data) {
        digested += data.byteLength;
        self.mostDigested = Math.max(self.mostDigested, digested);
        try {
          return await digest.call(this, algorithm, data);
        } finally {
          digested -= data.byteLength;
        }
      };
      importScripts('/dist/worker-wasm.js');
    `);
  });
  return `${server.origin}/counting-worker.js`;
}

/** Collects garbage everywhere, then measures. */
export async function measureMemory(page: Page): Promise<MemoryUse> {
  const { session, workers } = await attach(page);
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
      const { memories = [] } = self as unknown as CountingScope;
      return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    });
  }
  return { jsHeap, wasm };
}

/** The most that a page and its workers held at once, as far as samples tell. */
export interface MemoryPeak extends MemoryUse {
  /** Bytes that the platform's digest had copied for itself and not yet worked through. */
  digest: number;
  /** How often it was looked. */
  samples: number;
}

/**
 * Looks at the memory again and again while `task` runs, without collecting garbage. Workers are
 * those that run when it begins.
 */
export async function peakMemory(page: Page, task: () => Promise<unknown>): Promise<MemoryPeak> {
  const { session, workers } = await attach(page);
  const peak: MemoryPeak = { jsHeap: 0, wasm: 0, digest: 0, samples: 0 };
  for (const worker of page.workers()) {
    await worker.evaluate(() => Object.assign(self, { mostDigested: 0 }));
  }
  let isDone = false;
  const sampling = (async () => {
    while (!isDone) {
      const used = (await Promise.all([
        session.send('Runtime.getHeapUsage'),
        ...workers.map((worker) => callWorker(session, worker, 'Runtime.getHeapUsage')),
      ])) as HeapUsage[];
      const jsHeap = used.reduce((sum, each) => sum + total(each), 0);
      peak.jsHeap = Math.max(peak.jsHeap, jsHeap);
      peak.samples += 1;
    }
  })();
  try {
    await task();
  } finally {
    isDone = true;
    await sampling;
    await session.detach();
  }
  for (const worker of page.workers()) {
    const { wasm, digest } = await worker.evaluate(() => {
      const { memories = [], mostDigested = 0 } = self as unknown as CountingScope;
      const wasm = memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
      return { wasm, digest: mostDigested };
    });
    peak.wasm += wasm;
    peak.digest += digest;
  }
  return peak;
}

/** What {@link serveCountingWorker} adds to a worker. */
interface CountingScope {
  memories?: WebAssembly.Memory[];
  mostDigested?: number;
}

/** A session with the page and all its workers. */
async function attach(page: Page): Promise<{ session: CDPSession; workers: string[] }> {
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
  return { session, workers };
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
