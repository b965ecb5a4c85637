/** Memory of a page and its workers, as the browser's own tools see it. */
import type { CDPSession, Page } from '@playwright/test';

/** Bytes in use after a garbage collection. */
export interface MemoryUse {
  /** Of the page and all its workers. */
  jsHeap: number;
  /** Of every WebAssembly.Memory, wherever it lives. */
  wasm: number;
}

interface Attached {
  sessionId: string;
  targetInfo: { type: string };
}

/**
 * Measures through the DevTools protocol: a worker has no other way to be asked for its
 * WebAssembly memory from outside.
 */
export async function measureMemory(page: Page): Promise<MemoryUse> {
  const session = await page.context().newCDPSession(page);
  const workers: string[] = [];
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }: Attached) => {
    if (targetInfo.type === 'worker') workers.push(sessionId);
  });
  await session.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const use = await measureOne((method, params) =>
    session.send(method as 'Runtime.evaluate', params as { expression: string }),
  );
  for (const worker of workers) {
    const one = await measureOne(callThrough(session, worker));
    use.jsHeap += one.jsHeap;
    use.wasm += one.wasm;
  }
  await session.detach();
  return use;
}

type Call = (method: string, params?: object) => Promise<unknown>;

async function measureOne(call: Call): Promise<MemoryUse> {
  await call('HeapProfiler.collectGarbage');
  const { usedSize } = (await call('Runtime.getHeapUsage')) as { usedSize: number };
  const { result: prototype } = (await call('Runtime.evaluate', {
    expression: 'WebAssembly.Memory.prototype',
  })) as { result: { objectId: string } };
  const { objects } = (await call('Runtime.queryObjects', {
    prototypeObjectId: prototype.objectId,
    objectGroup: 'memory',
  })) as { objects: { objectId: string } };
  const { result } = (await call('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration:
      'function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }',
    returnByValue: true,
  })) as { result: { value: number } };
  await call('Runtime.releaseObjectGroup', { objectGroup: 'memory' });
  return { jsHeap: usedSize, wasm: result.value };
}

/** Calls a worker's protocol through its page's session. */
function callThrough(session: CDPSession, sessionId: string): Call {
  let nextId = 1;
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      const receive = (event: { sessionId: string; message: string }) => {
        const answer = JSON.parse(event.message);
        if (event.sessionId !== sessionId || answer.id !== id) return;
        session.off('Target.receivedMessageFromTarget', receive);
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      };
      session.on('Target.receivedMessageFromTarget', receive);
      session
        .send('Target.sendMessageToTarget', {
          sessionId,
          message: JSON.stringify({ id, method, params }),
        })
        .catch(reject);
    });
}
