/** ONNX Runtime in Node, to ask graphs what they are and to try them. */
import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web/wasm';
import type { Backend } from '../runtime/backend.js';
import { type GraphFiles, ModelSession } from '../runtime/session.js';
import { checkGraph } from '../tasks/image-classification/graph.js';
import type { ModelManifest } from '../tasks/image-classification/types.js';

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
export async function openGraph(files: GraphFiles, where: string): Promise<ModelSession> {
  return ModelSession.create(await backend(), files, where);
}

/**
 * Opens a graph of a classifier, fills in what its manifest leaves to it, and checks that they fit.
 *
 * @param complete - Gives the manifest, its labels read.
 * @throws TabserveError `model-invalid`.
 */
export async function openComplete(
  files: GraphFiles,
  complete: (graph: Pick<ModelSession, 'inputs' | 'outputs'>) => ModelManifest,
  where: string,
): Promise<{ session: ModelSession; complete: ModelManifest }> {
  const session = await openGraph(files, where);
  const manifest = complete(session);
  checkGraph({ manifest, inputs: session.inputs, outputs: session.outputs, where });
  return { session, complete: manifest };
}
