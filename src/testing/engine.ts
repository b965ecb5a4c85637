/** The WASM engine of the package in Node, for tests that run graphs without a page and a worker. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import type { Backend } from '../runtime/backend.js';

/** One thread of it. */
export function wasmBackend(): Backend {
  // The build puts them in.
  Object.assign(globalThis, { __ENGINE_HAS_GPU__: false, __TABSERVE_VERSION__: '0.0.0-test' });
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync(join(folder, 'ort-wasm-simd-threaded.wasm'));
  return {
    ort,
    abilities: { device: 'wasm', fp16: true },
    executionProviders: ['wasm'],
    adapter: null,
    gpu: null,
    fallbacks: [],
  } as Backend;
}
