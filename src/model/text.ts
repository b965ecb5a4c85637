/** Small files that are read as text: manifests and labels. Others wrote them, so they are bounded. */
import { TabserveError } from '../base/errors.js';
import { type DownloadOptions, download } from './download.js';
import { nameOf } from './paths.js';

/** The largest manifest or label file: a million labels of 16 letters. */
const maxTextBytes = 16_000_000;

/** How deep JSON may nest. Manifests need 5 levels; deeper ones cannot be passed between threads. */
const maxDepth = 64;

/** Options of {@link downloadText}. */
export type TextOptions = Pick<
  DownloadOptions,
  'signal' | 'stallTimeout' | 'otherOrigin' | 'local'
>;

/** Fetches a small file. Errors as in `download()`. */
export function downloadSmall(url: string | Blob, options: TextOptions): Promise<Uint8Array> {
  return download(url, { ...options, maxBytes: maxTextBytes });
}

/** Fetches `url` as UTF-8. Errors as in `download()`. */
export async function downloadText(url: string | Blob, options: TextOptions): Promise<string> {
  return new TextDecoder().decode(await downloadSmall(url, options));
}

/** Fetches `url` and parses it as JSON. Errors as in `download()`, and `manifest-invalid`. */
export async function downloadJson(url: string | Blob, options: TextOptions): Promise<unknown> {
  const where = url instanceof Blob ? nameOf(url) : url;
  return parseJson(await downloadText(url, options), where);
}

/**
 * Parses JSON of strangers.
 *
 * @param where - What messages call it.
 * @throws TabserveError `manifest-invalid` when it is no JSON, or too deep.
 */
export function parseJson(text: string, where: string): unknown {
  const start = text.slice(0, 60);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TabserveError(
      'manifest-invalid',
      `${where} is not JSON: it begins with ${JSON.stringify(start)}.`,
      { cause, details: { url: where, firstBytes: start } },
    );
  }
  if (isDeeper(value, maxDepth)) {
    throw new TabserveError(
      'manifest-invalid',
      `${where} nests deeper than ${maxDepth} levels, which no manifest does.`,
      { details: { url: where, firstBytes: start } },
    );
  }
  return value;
}

/** Level by level, without recursion: depth is just what may be hostile here. */
function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= levels; depth++) {
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
