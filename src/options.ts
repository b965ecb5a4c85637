/** Checks of what callers pass, and what their choices stand for. */
import catalog from '../models/catalog.json';
import { type AssetOptions, absolute, embeddedFileUrls } from './assets.js';
import { TabserveError } from './errors.js';
import type { ModelRequest } from './runtime/protocol.js';
import type { ClassifyOptions, CreateOptions, ModelSource } from './types.js';

/** An embedded model, as `ImageClassifier.models()` lists it. */
export interface CatalogEntry {
  /** What `create({ model })` takes. */
  name: string;
  title: string;
  description: string;
}

/** The embedded models, the default one first. */
export const catalogEntries: readonly CatalogEntry[] = catalog.models;

/**
 * @throws TabserveError `invalid-argument`, naming the option, what was found and what is possible.
 */
export function checkCreateOptions(options: CreateOptions): void {
  oneOf(options.device, 'device', ['auto', 'webgpu', 'wasm']);
  oneOf(options.dtype, 'dtype', ['auto', 'fp32', 'fp16', 'int8']);
  if (options.threads !== 'auto') inRange(options.threads, 'threads', 1, 64, true);
  inRange(options.maxPixels, 'maxPixels', 1, 2 ** 30, true);
  inRange(options.maxQueue, 'maxQueue', 1, 2 ** 20, true);
  inRange(options.idleTimeout, 'idleTimeout', 0, 2 ** 31 - 1);
}

/** Errors as {@link checkCreateOptions}. */
export function checkClassifyOptions(options: ClassifyOptions): void {
  inRange(options.topK, 'topK', 1, Number.MAX_SAFE_INTEGER, true);
  inRange(options.threshold, 'threshold', 0, 1);
  inRange(options.timeout, 'timeout', 0, 2 ** 31 - 1);
  oneOf(options.priority, 'priority', ['high', 'normal', 'low']);
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
 * Looks a model's name up and makes its addresses absolute.
 *
 * @throws TabserveError `model-not-found` for a name that the catalogue lacks, listing those it has.
 */
export function toModelRequest(
  source: ModelSource = defaultModel().name,
  assets: AssetOptions,
): ModelRequest {
  if (typeof source === 'string' && /^[\w.-]+$/.test(source) && !/\.(json|onnx)$/.test(source)) {
    if (catalogEntries.some((entry) => entry.name === source)) {
      return { kind: 'embedded', name: source, fileUrls: embeddedFileUrls(source, assets) };
    }
    const names = catalogEntries.map((entry) => `"${entry.name}"`).join(', ');
    throw new TabserveError(
      'model-not-found',
      `There is no model "${source}" in the catalogue. It has ${names}; any other model is named by the URL of its model.json.`,
      { details: { model: source } },
    );
  }
  if (typeof source === 'string' || source instanceof URL) {
    return { kind: 'manifest-url', url: absolute(source) };
  }
  if (isFileList(source)) return { kind: 'files', files: [...source] };
  if (typeof source === 'object' && source !== null && 'manifest' in source) {
    return {
      kind: 'manifest',
      manifest: source.manifest,
      files: source.files ?? {},
      baseUrl: source.baseUrl === undefined ? null : absolute(source.baseUrl),
    };
  }
  throw wrong('model', source, 'a name, a URL, an array of Files or { manifest, files }');
}

function defaultModel(): CatalogEntry {
  const [first] = catalogEntries;
  if (!first) throw new TabserveError('internal', 'The catalogue is empty.');
  return first;
}

function isFileList(source: ModelSource): source is readonly File[] {
  return Array.isArray(source) && source.every((file) => file instanceof File);
}

function oneOf(value: string | undefined, option: string, possible: readonly string[]): void {
  if (value === undefined || possible.includes(value)) return;
  throw wrong(option, value, possible.map((each) => `"${each}"`).join(', '));
}

function inRange(
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
    throw wrong(option, value, `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  }
}

function wrong(option: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The option "${option}" is ${JSON.stringify(found) ?? String(found)}; it takes ${expected}.`,
    { details: { option, expected } },
  );
}
