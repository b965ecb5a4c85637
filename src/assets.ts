/**
 * Where tabserve's own files are: worker scripts, engine binaries, embedded models.
 *
 * They lie beside this module. The literal `new URL('./…', import.meta.url)` is the one form that
 * bundlers recognise: they copy the file and rewrite the address.
 */
import type { EngineFlavour } from './runtime/protocol.js';

/** Options that say where files are instead. */
export interface AssetOptions {
  workerUrl?: string | URL;
  wasmUrl?: string | URL;
  modelsUrl?: string | URL;
}

const wasmFiles: Readonly<Record<EngineFlavour, { name: string; url: () => URL }>> = {
  wasm: {
    name: 'ort-wasm-simd-threaded.wasm',
    url: () => new URL('./ort/ort-wasm-simd-threaded.wasm', import.meta.url),
  },
  jspi: {
    name: 'ort-wasm-simd-threaded.jspi.wasm',
    url: () => new URL('./ort/ort-wasm-simd-threaded.jspi.wasm', import.meta.url),
  },
  asyncify: {
    name: 'ort-wasm-simd-threaded.asyncify.wasm',
    url: () => new URL('./ort/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url),
  },
};

const modelFiles: Readonly<Record<string, Readonly<Record<string, () => URL>>>> = {
  digits: {
    'digits.onnx': () => new URL('./models/digits/digits.onnx', import.meta.url),
  },
};

const workerSources: Readonly<Record<EngineFlavour, () => Promise<{ default: string }>>> = {
  wasm: () => import('../dist/worker-wasm.js?raw'),
  jspi: () => import('../dist/worker-jspi.js?raw'),
  asyncify: () => import('../dist/worker-asyncify.js?raw'),
};

/** The address of the engine's binary. */
export function wasmUrl(flavour: EngineFlavour, options: AssetOptions): string {
  const { name, url } = wasmFiles[flavour];
  return options.wasmUrl === undefined ? url().href : inFolder(options.wasmUrl, name);
}

/** The addresses of an embedded model's files, by the names that its manifest gives them. */
export function embeddedFileUrls(model: string, options: AssetOptions): Record<string, string> {
  const files = Object.entries(modelFiles[model] ?? {});
  return Object.fromEntries(
    files.map(([name, url]) => [
      name,
      options.modelsUrl === undefined
        ? url().href
        : inFolder(options.modelsUrl, `${model}/${name}`),
    ]),
  );
}

/** A worker's script. `dispose` frees it once the worker is gone. */
export interface WorkerScript {
  url: string;
  dispose(): void;
}

/**
 * The worker's script: the one that `workerUrl` names, or the one that is part of this package, as
 * a `blob:` address, since a worker must not come from another origin.
 */
export async function workerScript(
  flavour: EngineFlavour,
  options: AssetOptions,
): Promise<WorkerScript> {
  if (options.workerUrl !== undefined) {
    const url = absolute(options.workerUrl);
    const isScript = new URL(url).pathname.endsWith('.js');
    return {
      url: isScript ? url : inFolder(url, `worker-${flavour}.js`),
      dispose: () => undefined,
    };
  }
  const { default: source } = await workerSources[flavour]();
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return { url, dispose: () => URL.revokeObjectURL(url) };
}

/** Resolves an address as the page would; a worker made from a blob cannot. */
export function absolute(url: string | URL): string {
  return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
}

function inFolder(folder: string | URL, name: string): string {
  const base = absolute(folder);
  return new URL(name, base.endsWith('/') ? base : `${base}/`).href;
}
