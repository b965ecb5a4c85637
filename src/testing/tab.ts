/**
 * A tab in Node: the page's code and the worker's, with the real engine between them, on a platform
 * that tests can look into: workers, Web Locks, the private file system, the network.
 *
 * Both sides run in this thread, on either end of a real `MessageChannel`. What Node lacks is not here
 * either: a GPU, and a decoder of pictures.
 */
import './bitmap.js';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import { expect, vi } from 'vitest';
import { imagesOnCpu } from '../input/image/prepare.js';
import { serveWorker } from '../runtime/worker.js';
import { diagnostics } from '../serving/diagnostics.js';
import type { Pack } from '../tasks/pack.js';
import { openTasks } from '../worker/open-tasks.js';
import audio from '../worker/packs/audio.js';
import explain from '../worker/packs/explain.js';
import image from '../worker/packs/image.js';
import learn from '../worker/packs/learn.js';
import protect from '../worker/packs/protect.js';
import search from '../worker/packs/search.js';
import table from '../worker/packs/table.js';
import tensor from '../worker/packs/tensor.js';
import text from '../worker/packs/text.js';
import { type MemoryDisk, memoryDisk } from './directory.js';
import { giving, type Handler, serve, type Web } from './http.js';
import { MemoryLocks } from './locks.js';
import { type WorkerScope, workerStage } from './worker.js';

const root = join(import.meta.dirname, '../..');
const packs: Readonly<Record<string, Pack>> = {
  audio,
  explain,
  image,
  learn,
  protect,
  search,
  table,
  tensor,
  text,
};

/** The page's `window`, as far as events go. */
class Window extends EventTarget {
  readonly #listeners = new Set<string>();
  #next = 0;
  readonly #ids = new WeakMap<object, number>();

  /** Listeners that nobody has taken away. */
  get listeners(): number {
    return this.#listeners.size;
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.#listeners.add(this.#nameOf(args));
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.#listeners.delete(this.#nameOf(args));
    super.removeEventListener(...args);
  }

  #nameOf([type, listener]: [string, object | null, ...unknown[]]): string {
    const known = this.#ids.get(listener as object) ?? this.#next++;
    this.#ids.set(listener as object, known);
    return `${type} ${known}`;
  }
}

/** A tab. */
export interface Tab {
  readonly web: Web;
  disk: MemoryDisk;
  readonly locks: MemoryLocks;
  readonly window: Window;
  readonly stage: ReturnType<typeof workerStage>;
  /** Where tabserve's own files are, for `create()`. */
  readonly places: { workerUrl: string; wasmUrl: string; modelsUrl: string; cdn: false };
  /** Has an address answer with these bytes, this JSON, or as this function says. */
  route(path: string, content: Uint8Array | object | Handler): void;
  /** Waits until nothing is left, or fails. Every test's last call. */
  expectNothingLeft(): Promise<void>;
  close(): void;
}

/** Opens a tab. The engine's binary, the embedded models and what is routed are on its network. */
export async function openTab(): Promise<Tab> {
  const web = await serve();
  const locks = new MemoryLocks();
  const window = new Window();
  const routes = new Map<string, Handler>();
  const engine = readFileSync(
    join(dirname(createRequire(import.meta.url).resolve('onnxruntime-web')), wasmFile),
  );
  // The package's own glue does not know of the module that tabserve has compiled.
  ort.env.wasm.wasmBinary = engine;
  routes.set(`/ort/${wasmFile}`, giving(engine));
  web.handler = (request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    const route = routes.get(path);
    if (route) return route(request, response);
    if (!path.startsWith('/models/')) return response.writeHead(404).end();
    giving(readFileSync(join(root, path)))(request, response);
  };
  const stage = workerStage(startWorker, locks);
  const tab: Tab = {
    web,
    disk: memoryDisk(),
    locks,
    window,
    stage,
    places: {
      workerUrl: `${web.origin}/dist/`,
      wasmUrl: `${web.origin}/ort/${wasmFile}`,
      modelsUrl: `${web.origin}/models/`,
      cdn: false,
    },
    route(path, content) {
      if (typeof content === 'function') routes.set(path, content as Handler);
      else if (content instanceof Uint8Array) routes.set(path, giving(content));
      else routes.set(path, giving(new TextEncoder().encode(JSON.stringify(content))));
    },
    async expectNothingLeft() {
      await vi.waitFor(
        () => {
          expect(diagnostics()).toEqual({
            deployments: 0,
            workers: 0,
            models: 0,
            listeners: 0,
            payloads: 0,
            heldBytes: 0,
          });
          expect([stage.alive.size, window.listeners, locks.names]).toEqual([0, 0, []]);
        },
        { timeout: 4_000 },
      );
    },
    close() {
      for (const worker of stage.alive) worker.terminate();
      vi.unstubAllGlobals();
      web.stop();
    },
  };
  for (const [name, value] of Object.entries({
    Worker: stage.Worker,
    __ENGINE_HAS_GPU__: false,
    tabservePacks: {},
    document: Object.assign(new EventTarget(), { baseURI: `${web.origin}/index.html` }),
    location: new URL(`${web.origin}/index.html`),
    origin: web.origin,
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
    navigator: {
      locks,
      hardwareConcurrency: 2,
      storage: {
        getDirectory: async () => tab.disk.root,
        estimate: async () => ({ quota: 1e9, usage: 1e3 }),
        persisted: async () => false,
        persist: async () => true,
      },
    },
    importScripts: (url: string) => {
      const name = /packs\/(\w+)\.js$/.exec(url)?.[1] ?? '';
      const pack = packs[name];
      if (!pack) throw new DOMException(`No pack ${name}.`, 'NetworkError');
      Object.assign(Reflect.get(globalThis, 'tabservePacks'), { [name]: () => pack });
    },
  })) {
    vi.stubGlobal(name, value);
  }
  return tab;
}

const wasmFile = 'ort-wasm-simd-threaded.wasm';

/** What stands in the worker's script of the WASM engine. */
function startWorker(scope: WorkerScope): void {
  const shared = {
    get tabservePacks() {
      return Reflect.get(globalThis, 'tabservePacks');
    },
  };
  vi.stubGlobal('self', Object.assign(Object.create(shared), scope));
  serveWorker({ ort }, 'wasm', (files) => openTasks({ images: imagesOnCpu }, files));
}

/** A file of the project, by its path from the root. */
export function projectFile(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(root, path)));
}

/** The same as JSON. */
export function projectJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
}

/** Keeps what a test makes, for those that fail before they end it. */
export function keeper() {
  const made: { destroy(): void }[] = [];
  return {
    kept: <T extends { destroy(): void }>(handle: T): T => {
      made.push(handle);
      return handle;
    },
    destroyKept: () => {
      for (const handle of made.splice(0)) handle.destroy();
    },
  };
}
