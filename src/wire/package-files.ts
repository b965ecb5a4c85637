/**
 * Where this package's own files are, when it is loaded as a module: beside this one.
 *
 * The literal `new URL('./…', import.meta.url)` is the one form that bundlers recognise: they copy
 * the file and rewrite the address. Text in a chunk of its own goes through all of them. The
 * script-tag build and the single-file build put `package-files.global.ts` and
 * `package-files.single.ts` in this file's place.
 */
import type { EngineFlavour, PackName } from './protocol.js';

const engineBinaries: Readonly<Record<EngineFlavour, () => URL>> = {
  wasm: () => new URL('./ort/ort-wasm-simd-threaded.wasm.gz', import.meta.url),
  jspi: () => new URL('./ort/ort-wasm-simd-threaded.jspi.wasm.gz', import.meta.url),
  asyncify: () => new URL('./ort/ort-wasm-simd-threaded.asyncify.wasm.gz', import.meta.url),
};

const engineRestFile = () => new URL('./ort/ort-wasm-simd-threaded.rest.wasm.gz', import.meta.url);

const modelFiles: Readonly<Record<string, Readonly<Record<string, () => URL>>>> = {
  photos: {
    'photos.int8.onnx': () => new URL('./models/photos/photos.int8.onnx', import.meta.url),
    'labels.en.txt': () => new URL('./models/photos/labels.en.txt', import.meta.url),
    'labels.de.txt': () => new URL('./models/photos/labels.de.txt', import.meta.url),
    'labels.zh.txt': () => new URL('./models/photos/labels.zh.txt', import.meta.url),
  },
  everyday: {
    'everyday.fp16.onnx': () => new URL('./models/everyday/everyday.fp16.onnx', import.meta.url),
    'everyday.int8.onnx': () => new URL('./models/everyday/everyday.int8.onnx', import.meta.url),
  },
  digits: {
    'digits.onnx': () => new URL('./models/digits/digits.onnx', import.meta.url),
  },
};

const workerFiles: Readonly<Record<EngineFlavour, () => URL>> = {
  wasm: () => new URL('./worker-wasm.js', import.meta.url),
  jspi: () => new URL('./worker-jspi.js', import.meta.url),
  asyncify: () => new URL('./worker-asyncify.js', import.meta.url),
};

const workerSources: Readonly<Record<EngineFlavour, () => Promise<{ default: string }>>> = {
  wasm: () => import('../../dist/worker-wasm.js?raw'),
  jspi: () => import('../../dist/worker-jspi.js?raw'),
  asyncify: () => import('../../dist/worker-asyncify.js?raw'),
};

const packFiles: Readonly<Record<PackName, () => URL>> = {
  image: () => new URL('./packs/image.js', import.meta.url),
  tensor: () => new URL('./packs/tensor.js', import.meta.url),
  audio: () => new URL('./packs/audio.js', import.meta.url),
  text: () => new URL('./packs/text.js', import.meta.url),
  table: () => new URL('./packs/table.js', import.meta.url),
  search: () => new URL('./packs/search.js', import.meta.url),
  learn: () => new URL('./packs/learn.js', import.meta.url),
  explain: () => new URL('./packs/explain.js', import.meta.url),
  protect: () => new URL('./packs/protect.js', import.meta.url),
};

const packSources: Readonly<Record<PackName, () => Promise<{ default: string }>>> = {
  image: () => import('../../dist/packs/image.js?raw'),
  tensor: () => import('../../dist/packs/tensor.js?raw'),
  audio: () => import('../../dist/packs/audio.js?raw'),
  text: () => import('../../dist/packs/text.js?raw'),
  table: () => import('../../dist/packs/table.js?raw'),
  search: () => import('../../dist/packs/search.js?raw'),
  learn: () => import('../../dist/packs/learn.js?raw'),
  explain: () => import('../../dist/packs/explain.js?raw'),
  protect: () => import('../../dist/packs/protect.js?raw'),
};

/** The address of the engine's binary. */
export function engineBinary(flavour: EngineFlavour): string {
  return beside(engineBinaries[flavour]());
}

/** The address of the rest of the engine for WASM, or `null` where it is in one piece. */
export function engineRest(): string | null {
  return beside(engineRestFile());
}

/** The addresses of an embedded model's files, by the names that its manifest gives them. */
export function embeddedModel(name: string): Record<string, string> {
  const files = Object.entries(modelFiles[name] ?? {});
  return Object.fromEntries(files.map(([file, url]) => [file, beside(url())]));
}

/** The text of a worker's script. */
export async function workerSource(flavour: EngineFlavour): Promise<string> {
  return (await workerSources[flavour]()).default;
}

/** The address of a worker's script, or `null` where it is nowhere but in this script. */
export function workerFile(flavour: EngineFlavour): string | null {
  return beside(workerFiles[flavour]());
}

/** The text of a pack, see `tasks/pack.ts`. */
export async function packSource(name: PackName): Promise<string> {
  return (await packSources[name]()).default;
}

/** The address of a pack, or `null` where it is nowhere but in this script. */
export function packFile(name: PackName): string | null {
  return beside(packFiles[name]());
}

/**
 * The address as the browser needs it. Turbopack gives an object with a path for a URL. Vite's
 * development server, up to version 7, bundles a package's script into `node_modules/.vite/deps/`
 * but leaves its files and addresses as they were.
 */
function beside(url: URL): string {
  const { href } = new URL(String(url), globalThis.location?.href);
  return href.replace(/\/\.vite\/deps(_temp_\w+)?\//, '/tabserve/dist/');
}
