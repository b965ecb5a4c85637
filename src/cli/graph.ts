/** ONNX Runtime in Node, to ask graphs what they are and to try them. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-web/wasm';
import { isTabserveError } from '../base/errors.js';
import { explainEngineError } from '../model/engine-errors.js';
import type { Backend } from '../runtime/backend.js';
import { type GraphFiles, ModelSession } from '../runtime/session.js';
import { checkGraph } from '../tasks/image-classification/graph.js';
import type { ModelManifest } from '../tasks/image-classification/types.js';
import { type ImageFeed, imageFeed } from '../tasks/image-feed.js';

export type { GraphFiles };

let started: Promise<Backend> | undefined;

/** One thread of the engine, from its binary. */
export function wasmBackend(binary: Uint8Array): Backend {
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = binary;
  return {
    ort,
    abilities: { device: 'wasm', fp16: true },
    executionProviders: ['wasm'],
    adapter: null,
    gpu: null,
    fallbacks: [],
  };
}

/** The engine, started by the first call, from the binary that lies beside this script. */
function backend(): Promise<Backend> {
  started ??= (async () => {
    const binary = new URL('./ort/ort-wasm-simd-threaded.whole.wasm.gz', import.meta.url);
    return wasmBackend(gunzipSync(await readFile(binary)));
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

/** A graph that runs, and how a picture goes into it. */
export interface OpenGraph {
  session: ModelSession;
  feed: ImageFeed;
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
): Promise<OpenGraph & { complete: ModelManifest }> {
  const session = await openGraph(files, where).catch((error: unknown) => {
    throw isTabserveError(error) ? explainEngineError(error, files.bytes.subarray(0, 64)) : error;
  });
  const manifest = complete(session);
  const { inputs, outputs } = session;
  checkGraph({ manifest, outputs, where });
  const feed = imageFeed(inputs, manifest.input, manifest.constants ?? {}, where);
  return { session, complete: manifest, feed };
}
