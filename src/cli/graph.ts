/** ONNX Runtime in Node, to ask graphs what they are and to try them. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-web/wasm';
import { isTabserveError } from '../base/errors.js';
import { explainEngineError } from '../model/engine-errors.js';
import { type Backend, identityModel } from '../runtime/backend.js';
import { joinParts, takeRest } from '../runtime/engine-parts.js';
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

/** The engine, started by the first call, from the two parts that lie beside this script. */
function backend(): Promise<Backend> {
  started ??= (async () => {
    const [first, rest] = await Promise.all(
      ['', '.rest'].map(async (part) => {
        const file = new URL(`./ort/ort-wasm-simd-threaded${part}.wasm.gz`, import.meta.url);
        return new Uint8Array(gunzipSync(await readFile(file)));
      }),
    );
    await takeRest(rest as Uint8Array<ArrayBuffer>);
    const backend = wasmBackend(first as Uint8Array);
    await startJoined();
    return backend;
  })();
  return started;
}

/**
 * Starts the engine so that its first part finds the rest. ONNX Runtime as it is for Node instantiates
 * its binary itself, with the first session, and hands the instance to nobody.
 */
async function startJoined(): Promise<void> {
  const { instantiate } = WebAssembly;
  const joining = async (binary: BufferSource, imports: WebAssembly.Imports = {}) => {
    const source = await instantiate(binary, imports);
    joinParts(source.instance, imports);
    return source;
  };
  WebAssembly.instantiate = joining as typeof instantiate;
  try {
    const session = await ort.InferenceSession.create(identityModel());
    await session.release();
  } finally {
    WebAssembly.instantiate = instantiate;
  }
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
