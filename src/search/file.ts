/**
 * An index as the bytes of a file: a length of four bytes, a header of so many bytes (JSON, filled with
 * spaces to a multiple of four), and the vectors as float32; all little-endian.
 */
import { TabserveError } from '../base/errors.js';
import { type IndexHeader, VectorIndex } from './vectors.js';

/** Version of the format. */
const format = 1;

export function writeIndex(index: VectorIndex): Uint8Array<ArrayBuffer> {
  const { header, vectors } = index.content();
  const text = JSON.stringify({ format, ...header });
  const json = new TextEncoder().encode(text);
  const length = Math.ceil(json.length / 4) * 4;
  const file = new Uint8Array(4 + length + vectors.byteLength);
  new DataView(file.buffer).setUint32(0, length, true);
  file.fill(0x20, 4, 4 + length);
  file.set(json, 4);
  file.set(new Uint8Array(vectors.buffer), 4 + length);
  return file;
}

/** @throws TabserveError `integrity` for bytes that are no such file. */
export function readIndex(file: Uint8Array<ArrayBuffer>, name: string): VectorIndex {
  const damaged = (why: string) =>
    new TabserveError('integrity', `The index "${name}" cannot be read: ${why}.`, {
      details: { index: name },
    });
  if (file.length < 4) throw damaged('it is empty');
  const { buffer, byteOffset, byteLength } = file;
  const length = new DataView(buffer, byteOffset, byteLength).getUint32(0, true);
  if (length > file.length - 4) throw damaged('its header is longer than the file');
  let header: Partial<IndexHeader & { format: number }>;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + length)));
  } catch {
    throw damaged('its header is no JSON');
  }
  const { metric, dimensions, ids } = header ?? {};
  const isHeader =
    header?.format === format &&
    (metric === 'cosine' || metric === 'dot') &&
    Array.isArray(ids) &&
    ids.every((id) => typeof id === 'string') &&
    new Set(ids).size === ids.length &&
    Number.isInteger(dimensions);
  if (!isHeader) throw damaged('its header is of another kind or version');
  const bytes = file.slice(4 + length);
  if (bytes.length !== 4 * ids.length * (dimensions as number)) {
    throw damaged(`it has ${bytes.length} bytes of vectors`);
  }
  return VectorIndex.from(header as IndexHeader, new Float32Array(bytes.buffer));
}
