/** ONNX Runtime in Node, to ask graphs what they are and to try them. */
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web/wasm';
import type { ModelManifest } from '../model/manifest.js';
import type { TensorInfo } from '../model/translation.js';
import type { Backend } from '../runtime/backend.js';
import { type GraphFiles, ModelSession } from '../runtime/session.js';

let started: Promise<Backend> | undefined;

/** The engine, started by the first call, from the binary that lies beside this script. */
function backend(): Promise<Backend> {
  started ??= (async () => {
    const binary = new URL('./ort/ort-wasm-simd-threaded.wasm', import.meta.url);
    ort.env.logLevel = 'error';
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = await readFile(binary);
    return {
      ort,
      abilities: { device: 'wasm', fp16: true },
      executionProviders: ['wasm'],
      adapter: null,
      gpu: null,
      fallbacks: [],
    };
  })();
  return started;
}

/**
 * Opens a graph.
 *
 * @throws TabserveError `model-invalid` as `ModelSession.create()`.
 */
export async function openGraph(
  files: GraphFiles,
  complete: (inputs: TensorInfo[], outputs: TensorInfo[]) => Promise<ModelManifest>,
  where: string,
): Promise<ModelSession> {
  return ModelSession.create(await backend(), files, complete, where);
}
