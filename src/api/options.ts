/** Checks of what callers pass, and what their choices stand for. */

import { TabserveError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { shown } from '../base/shown.js';
import { fastSuffix, type HubProcessor } from '../model/request.js';
import { type AssetOptions, absolute, embeddedFileUrls } from '../wire/assets.js';
import type { ModelRequest } from '../wire/protocol.js';
import type { ClassifyOptions, CreateOptions, ModelSource } from './types.js';

/** The names of `catalog-entries.ts`; the build puts them in. */
declare const __TABSERVE_EMBEDDED_NAMES__: readonly string[];

/** What the embedded models are called, the default one first. */
export const embeddedNames: readonly string[] = __TABSERVE_EMBEDDED_NAMES__;

/** See `CreateOptions.stallTimeout`. */
export const defaultStallTimeout = 20_000;

/**
 * The options that say where files are, without the others.
 *
 * @throws TabserveError `invalid-argument` for what is no address.
 */
export function assetOptions({ workerUrl, wasmUrl, modelsUrl, cdn }: AssetOptions): AssetOptions {
  return {
    // Absolute, so that what leads to the same files is the same.
    ...(workerUrl !== undefined && { workerUrl: absolute(workerUrl) }),
    ...(wasmUrl !== undefined && { wasmUrl: absolute(wasmUrl) }),
    ...(modelsUrl !== undefined && { modelsUrl: absolute(modelsUrl) }),
    ...(cdn !== undefined && { cdn }),
  };
}

/** The hub's base address, absolute, with a slash at its end. */
export function hubOf(hubUrl: string | URL = 'https://huggingface.co/'): string {
  return absolute(hubUrl).replace(/\/?$/, '/');
}

/** What every `create()` takes. */
const createOptions =
  'model device dtype threads preprocessing maxPixels maxWorkers ownWorker shared maxQueue tensors explanations decryptionKey signedBy idleTimeout stallTimeout hubUrl processor workerUrl wasmUrl modelsUrl cdn signal monitor';

/** What every request takes. */
const requestOptions = 'id timeout signal priority';

/** What requests about pictures take besides. */
export const imageOptions = 'crop quality';

/** What requests for answers with scores take besides. */
export const answerOptions = 'topK threshold thresholds allow deny';

/** What classes take besides whose answers are labels with scores. */
export const labelOptions = 'lang';

/** A language tag as BCP 47 has them, by its form. */
const languageTag = /^[a-z]{2,8}(-[a-z\d]{1,8})*$/i;

/**
 * @param further - Names of options that only some class has, with spaces between them.
 * @throws TabserveError `invalid-argument`, naming the option, what was found and what is possible.
 */
export function checkCreateOptions(options: CreateOptions, further = ''): void {
  refuseUnknown(options, `${createOptions} ${further}`);
  oneOf(options.device, 'device', ['auto', 'webgpu', 'wasm']);
  oneOf(options.dtype, 'dtype', ['auto', 'fp32', 'fp16', 'int8']);
  oneOf(options.processor, 'processor', ['slow', 'fast']);
  const possible = options.device === 'wasm' ? ['auto', 'cpu'] : ['auto', 'cpu', 'gpu'];
  oneOf(options.preprocessing, 'preprocessing', possible);
  if (options.threads !== 'auto') inRange(options.threads, 'threads', 1, 64, true);
  if (options.maxWorkers !== 'auto') inRange(options.maxWorkers, 'maxWorkers', 1, 16, true);
  if (options.shared && options.ownWorker) {
    throw wrong('shared', true, 'false where ownWorker is true');
  }
  if (options.shared && options.decryptionKey) {
    throw wrong('shared', true, 'false where decryptionKey is given: a key stays in its tab');
  }
  if (typeof options.lang === 'string' && !languageTag.test(options.lang)) {
    throw wrong('lang', options.lang, '"auto", or a language such as "de" or "zh-Hans"');
  }
  inRange(options.maxPixels, 'maxPixels', 1, 2 ** 30, true);
  inRange(options.maxQueue, 'maxQueue', 1, 2 ** 20, true);
  inRange(options.stallTimeout, 'stallTimeout', 1, 2 ** 31 - 1);
  inRange(options.idleTimeout, 'idleTimeout', 0, 2 ** 31 - 1);
}

/**
 * @param further - Names of options that this kind of request has, with spaces between them.
 * @throws TabserveError as {@link checkCreateOptions}.
 */
export function checkClassifyOptions(options: ClassifyOptions, further: string): void {
  refuseUnknown(options, `${requestOptions} ${further}`);
  inRange(options.topK, 'topK', 1, Number.MAX_SAFE_INTEGER, true);
  inRange(options.threshold, 'threshold', 0, 1);
  for (const [label, least] of Object.entries(options.thresholds ?? {})) {
    inRange(least, `thresholds[${JSON.stringify(label)}]`, 0, 1, false, true);
  }
  inRange(options.timeout, 'timeout', 0, 2 ** 31 - 1);
  oneOf(options.priority, 'priority', ['high', 'normal', 'low']);
  oneOf(options.quality, 'quality', ['exact', 'fast']);
  for (const name of ['allow', 'deny'] as const) {
    const labels: unknown = options[name];
    if (labels !== undefined && !Array.isArray(labels)) {
      throw wrong(name, labels, 'an array of labels');
    }
  }
  if (options.crop) {
    for (const side of ['x', 'y', 'width', 'height'] as const) {
      const least = side === 'x' || side === 'y' ? 0 : 1;
      inRange(options.crop[side] as number | undefined, `crop.${side}`, least, 2 ** 30, true, true);
    }
  }
}

/**
 * Makes a model's addresses absolute. What they lead to is for the worker to find out.
 *
 * @param processor - See `CreateOptions.processor`.
 * @throws TabserveError `invalid-argument`.
 */
export function toModelRequest(
  source: ModelSource = defaultModel(),
  assets: AssetOptions,
  processor: HubProcessor = 'slow',
): ModelRequest {
  const request = requestFor(source, assets);
  return processor === 'slow' ? request : withFastProcessor(request);
}

/** The same repository, by the fast one of Transformers' processors. */
function withFastProcessor(request: ModelRequest): ModelRequest {
  const suffixed = (text: string) => (text.endsWith(fastSuffix) ? text : text + fastSuffix);
  if (request.kind === 'hub') return { ...request, name: suffixed(request.name) };
  if (request.kind === 'url' && new URL(request.url).pathname.endsWith('/')) {
    return { ...request, url: suffixed(request.url) };
  }
  if (request.kind === 'files' || request.kind === 'directory') {
    return { ...request, processor: 'fast' };
  }
  throw new TabserveError(
    'invalid-argument',
    'The option "processor" is for repositories in the layout of the hub: "hf:owner/name", the address of a folder, its files. What a manifest says is in its "resize" ("reference": "torch").',
    { details: { option: 'processor' } },
  );
}

function requestFor(source: ModelSource, assets: AssetOptions): ModelRequest {
  if (typeof source === 'string' || source instanceof URL) {
    const text = String(source);
    if (text.startsWith('hf:')) return { kind: 'hub', name: text };
    const [, name, version = null] = /^([\w.-]+?)(?:@([\w.+-]+))?$/.exec(text) ?? [];
    if (name === undefined || /\.(json|onnx)$/i.test(text))
      return { kind: 'url', url: absolute(text) };
    return { kind: 'name', name, version, fileUrls: embeddedFileUrls(name, assets) };
  }
  const list: readonly unknown[] = Array.isArray(source) ? source : [source];
  if (list.every(isBytes)) {
    return {
      kind: 'files',
      files: list.map((each) => (each instanceof Blob ? each : new Blob([each]))),
    };
  }
  if (isDirectory(source)) return { kind: 'directory', directory: source };
  if (typeof source === 'object' && source !== null && 'manifest' in source) {
    return {
      kind: 'manifest',
      manifest: source.manifest,
      files: source.files ?? {},
      baseUrl: source.baseUrl === undefined ? null : absolute(source.baseUrl),
    };
  }
  throw wrong('model', source, 'a name, a URL, files, bytes or { manifest, files }');
}

function isBytes(part: unknown): part is Blob | BufferSource {
  return part instanceof Blob || part instanceof ArrayBuffer || ArrayBuffer.isView(part);
}

/** Not every environment has the class. */
function isDirectory(source: unknown): source is FileSystemDirectoryHandle {
  return Object.prototype.toString.call(source) === '[object FileSystemDirectoryHandle]';
}

function defaultModel(): string {
  const [first] = embeddedNames;
  if (!first) throw new TabserveError('internal', 'The catalogue is empty.');
  return first;
}

function oneOf(value: string | undefined, option: string, possible: readonly string[]): void {
  if (value === undefined || possible.includes(value)) return;
  const near = nearest(String(value), possible);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw wrong(option, value, possible.map((each) => `"${each}"`).join(', '), hint);
}

/** A misspelt option would do nothing, and nobody would know. */
function refuseUnknown(options: object, known: string): void {
  const names = known.split(' ').filter(Boolean);
  const unknown = Object.entries(options).find(
    ([name, value]) => value !== undefined && !names.includes(name),
  )?.[0];
  if (unknown === undefined) return;
  const near = nearest(unknown, names);
  const instead = near === undefined ? `There are ${names.join(', ')}.` : `Did you mean "${near}"?`;
  throw new TabserveError('invalid-argument', `There is no option "${unknown}". ${instead}`, {
    details: { option: unknown, ...(near !== undefined && { nearest: near }) },
  });
}

/** Throws `invalid-argument` unless the option is such a number, or is not given and need not be. */
export function inRange(
  value: number | undefined,
  option: string,
  least: number,
  most: number,
  whole = false,
  required = false,
): void {
  if (value === undefined && !required) return;
  const fits =
    typeof value === 'number' &&
    value >= least &&
    value <= most &&
    (!whole || Number.isInteger(value));
  if (!fits) {
    const range =
      most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw wrong(option, value, `a ${whole ? 'whole ' : ''}number ${range}`);
  }
}

function wrong(option: string, found: unknown, expected: string, hint = ''): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The option "${option}" is ${shown(found)}; it takes ${expected}.${hint}`,
    { details: { option, expected } },
  );
}
