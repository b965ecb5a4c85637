/** The WASM engine of the package in Node, for tests that run graphs without a page and a worker. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { wasmBackend as backendOf } from '../cli/graph.js';
import type { Backend } from '../runtime/backend.js';

/** One thread of it. */
export function wasmBackend(): Backend {
  // The build puts them in.
  Object.assign(globalThis, { __ENGINE_HAS_GPU__: false, __TABSERVE_VERSION__: '0.0.0-test' });
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  return backendOf(readFileSync(join(folder, 'ort-wasm-simd-threaded.wasm')));
}
