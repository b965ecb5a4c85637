/**
 * Where tabserve looks for its files, in one order: the option that names the place, and then that
 * place only; else beside its own script; else, for what is public, a version-pinned CDN.
 */

import { TabserveError } from '../base/errors.js';
import { ortVersion, version } from '../base/version.js';
import { embeddedModel, engineBinary, engineRest } from './package-files.js';
import type { EngineFlavour } from './protocol.js';

/** Options that say where files are instead. */
export interface AssetOptions {
  workerUrl?: string | URL;
  wasmUrl?: string | URL;
  modelsUrl?: string | URL;
  cdn?: boolean;
}

const cdnRoot = 'https://cdn.jsdelivr.net/npm';

const wasmNames: Readonly<Record<EngineFlavour, string>> = {
  wasm: 'ort-wasm-simd-threaded.wasm',
  jspi: 'ort-wasm-simd-threaded.jspi.wasm',
  asyncify: 'ort-wasm-simd-threaded.asyncify.wasm',
};

/** The addresses of the engine's binary, in the order in which to try them. */
export function wasmUrls(flavour: EngineFlavour, options: AssetOptions): string[] {
  const name = wasmNames[flavour];
  const { wasmUrl } = options;
  if (wasmUrl !== undefined) {
    const isFile = /\.(wasm|gz)$/.test(new URL(absolute(wasmUrl)).pathname);
    // tabserve's own folder has it compressed, ONNX Runtime's has not.
    return isFile
      ? [absolute(wasmUrl)]
      : [inFolder(wasmUrl, `${name}.gz`), inFolder(wasmUrl, name)];
  }
  const url = engineBinary(flavour);
  if (options.cdn === false || isInline(url)) return [url];
  return [url, `${cdnRoot}/onnxruntime-web@${ortVersion}/dist/${name}`];
}

/**
 * The addresses of the engine's rest, in the order in which to try them. Only the build for WASM comes in
 * two parts; those of ONNX Runtime's own package come in one.
 */
export function restUrls(flavour: EngineFlavour, options: AssetOptions): string[] {
  if (flavour !== 'wasm') return [];
  const { wasmUrl } = options;
  const name = `${wasmNames.wasm.replace(/\.wasm$/, '')}.rest.wasm.gz`;
  // Beside the first part, whether that was named or its folder.
  if (wasmUrl !== undefined) {
    const isFile = /\.(wasm|gz)$/.test(new URL(absolute(wasmUrl)).pathname);
    return [isFile ? new URL(name, absolute(wasmUrl)).href : inFolder(wasmUrl, name)];
  }
  const url = engineRest();
  if (url === null) return [];
  if (options.cdn === false) return [url];
  return [url, `${cdnRoot}/tabserve@${version}/dist/ort/${name}`];
}

/** The addresses of an embedded model's files, by the names that its manifest gives them. */
export function embeddedFileUrls(model: string, options: AssetOptions): Record<string, string> {
  const { modelsUrl } = options;
  const files = embeddedModel(model);
  if (modelsUrl === undefined) return files;
  return Object.fromEntries(
    Object.keys(files).map((name) => [name, inFolder(modelsUrl, `${model}/${name}`)]),
  );
}

/** Where else the files of an embedded model are, by their addresses. */
export function modelMirrors(
  model: string,
  fileUrls: Readonly<Record<string, string>>,
  options: AssetOptions,
): Record<string, string[]> {
  if (options.modelsUrl !== undefined || options.cdn === false) return {};
  const folder = `${cdnRoot}/tabserve@${version}/dist/models/${model}`;
  return Object.fromEntries(
    Object.entries(fileUrls)
      .filter(([, url]) => !isInline(url))
      .map(([name, url]) => [url, [`${folder}/${name}`]]),
  );
}

/** The file called `name`: at `place`, if that is such a file's address, else in that folder. */
export function named(place: string | URL, name: string, extension: string): string {
  const url = absolute(place);
  return new URL(url).pathname.endsWith(extension) ? url : inFolder(url, name);
}

/**
 * Resolves an address as the page would; a worker made from a blob cannot.
 *
 * @throws TabserveError `invalid-argument` for what is no address.
 */
export function absolute(url: string | URL): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch (cause) {
    const found = String(url).slice(0, 100);
    throw new TabserveError(
      'invalid-argument',
      `"${found}" is no address. Give an absolute URL, or one relative to the page.`,
      { cause, details: { found } },
    );
  }
}

/** Whether the address is the file. */
function isInline(url: string): boolean {
  return url.startsWith('data:');
}

function inFolder(folder: string | URL, name: string): string {
  const base = absolute(folder);
  return new URL(name, base.endsWith('/') ? base : `${base}/`).href;
}
