/**
 * Where this package's own files are, when it is loaded by a classic script tag: beside the script.
 *
 * The worker that every browser can use is part of the script; those for WebGPU are fetched when
 * they are wanted. Takes the place of `package-files.ts` in the script-tag build.
 */
import workerWasm from '../../dist/worker-wasm.js?raw';
import { TabserveError } from '../base/errors.js';
import type { EngineFlavour, PackName } from './protocol.js';
import { trustedScriptUrl } from './trusted-types.js';

/** Known only while the script runs for the first time. */
const script = globalThis.document?.currentScript;
const isTag = 'HTMLScriptElement' in globalThis && script instanceof HTMLScriptElement;

/** Workers are not told which script runs, but errors are: `at https://…/tabserve.global.js:1:2`. */
const fromStack = /((?:https?|file|blob):[^\s)@]+?)(?::\d+)+\)?$/m.exec(
  new Error().stack ?? '',
)?.[1];

/** The address of this very script. */
export const scriptUrl =
  isTag && script.src ? script.src : (globalThis.document?.baseURI ?? fromStack);

/** What was needed to load the script is needed to load another from beside it. */
const { nonce = '', crossOrigin = null } = isTag ? script : {};

const suffix: Readonly<Record<EngineFlavour, string>> = {
  wasm: '',
  jspi: '.jspi',
  asyncify: '.asyncify',
};

const modelFiles: Readonly<Record<string, readonly string[]>> = {
  photos: ['photos.int8.onnx', 'labels.en.txt', 'labels.de.txt', 'labels.zh.txt'],
  everyday: ['everyday.fp16.onnx', 'everyday.int8.onnx'],
  digits: ['digits.onnx'],
};

/** As in `package-files.ts`. */
export function engineBinary(flavour: EngineFlavour): string {
  return beside(`ort/ort-wasm-simd-threaded${suffix[flavour]}.wasm.gz`);
}

/** As in `package-files.ts`. */
export function engineRest(): string {
  return beside('ort/ort-wasm-simd-threaded.rest.wasm.gz');
}

/** As in `package-files.ts`. */
export function embeddedModel(name: string): Record<string, string> {
  const files = modelFiles[name] ?? [];
  return Object.fromEntries(files.map((file) => [file, beside(`models/${name}/${file}`)]));
}

/**
 * As in `package-files.ts`.
 *
 * @throws TabserveError `worker-blocked` when the script cannot be fetched.
 */
export async function workerSource(flavour: EngineFlavour): Promise<string> {
  if (flavour === 'wasm') return workerWasm;
  const url = workerFile(flavour);
  let found: string;
  try {
    const response = await fetch(url);
    if (response.ok) {
      const text = await response.text();
      if (!/^\s*</.test(text)) return text;
      found = `it is a web page that begins with ${JSON.stringify(text.slice(0, 40))}`;
    } else {
      found = `HTTP ${response.status}`;
    }
  } catch (cause) {
    found = `the browser forbids it (CORS, or connect-src of a Content-Security-Policy), or there is no connection: ${cause}`;
  }
  throw new TabserveError(
    'worker-blocked',
    `The worker's script could not be fetched from ${url}: ${found}. Put tabserve's worker files beside its script.`,
    { details: { url } },
  );
}

/** As in `package-files.ts`. */
export function workerFile(flavour: EngineFlavour): string {
  return beside(`worker-${flavour}.js`);
}

/**
 * As in `package-files.ts`. A script tag is asked for it, which a page that was opened as a file may
 * use, and one whose policy names the script's origin: the pack is a function, which is handed on as
 * text.
 *
 * @throws TabserveError `network` when the file cannot be loaded.
 */
export async function packSource(name: PackName): Promise<string> {
  const url = packFile(name);
  if (!globalThis.document) return importedPack(url, name);
  const element = document.createElement('script');
  element.src = trustedScriptUrl(url);
  element.nonce = nonce;
  element.crossOrigin = crossOrigin;
  const loaded = new Promise<boolean>((resolve) => {
    element.onload = () => resolve(true);
    element.onerror = () => resolve(false);
  });
  document.head.append(element);
  const isThere = await loaded;
  element.remove();
  return packText(isThere, url, name);
}

/** In a classic worker there are no script tags, but `importScripts()`. */
function importedPack(url: string, name: PackName): string {
  const { importScripts } = globalThis as unknown as { importScripts(url: unknown): void };
  try {
    importScripts(trustedScriptUrl(url));
  } catch {
    return packText(false, url, name);
  }
  return packText(true, url, name);
}

function packText(isThere: boolean, url: string, name: PackName): string {
  const { tabservePacks } = globalThis as { tabservePacks?: Partial<Record<PackName, unknown>> };
  const pack = tabservePacks?.[name];
  if (isThere && typeof pack === 'function') return `(self.tabservePacks??={}).${name}=${pack};`;
  throw new TabserveError(
    'network',
    `A part of tabserve could not be loaded from ${url}. Serve tabserve's "packs" folder beside its script, and allow it in script-src.`,
    { details: { url } },
  );
}

/** As in `package-files.ts`. */
export function packFile(name: PackName): string {
  return beside(`packs/${name}.js`);
}

/**
 * Loads a part of the page's code that few pages need, from a file of its own. In the script-tag
 * build it takes the place of `import('../….js')`, which a classic script would have to carry inside.
 *
 * @throws TabserveError `network` when the file cannot be loaded.
 */
export async function loadPart<Part>(name: string): Promise<Part> {
  const url = beside(`parts/${name}.js`);
  try {
    return await import(/* @vite-ignore */ url);
  } catch (cause) {
    throw new TabserveError(
      'network',
      `A part of tabserve could not be loaded from ${url} (${cause}). Serve tabserve's "parts" folder beside its script, from another origin with CORS, and allow it in script-src.`,
      { cause, details: { url } },
    );
  }
}

function beside(path: string): string {
  return new URL(path, scriptUrl).href;
}
