/**
 * An ONNX file without its weights: what is sent to the page, which describes models, and where the
 * weights are that lie in other files. Numbers of fields are those of `onnx.proto`.
 */
import { type Edit, edit, messageOf, readAll, readFields, readIntegers, written } from './wire.js';

/** Tensors of more bytes are weights. Normalisation's constants, shapes and axes are smaller. */
const mostTensorBytes = 2048;

/** How deep graphs may lie in each other. */
const maxDepth = 16;

/** A file that has more left without its weights is not described. */
const mostBytes = 32_000_000;

/** What {@link skeletonOf} gives. */
export interface Skeleton {
  /** The file without its weights; to be written only when it is wanted. `null`: it is too large. */
  write(): Uint8Array<ArrayBuffer> | null;
  /** The `location`s of external data, each once. */
  locations: string[];
}

/**
 * Takes a file's weights out.
 *
 * @param model - An `.onnx` file.
 * @returns `undefined` where the bytes are no model, which the engine can say better.
 */
export function skeletonOf(model: Uint8Array): Skeleton | undefined {
  const locations = new Set<string>();
  const tensor: Edit = (bytes) => {
    const fields = readFields(bytes);
    if (readIntegers(fields, 14)[0] === 1) {
      for (const entry of readAll(fields, 13)) {
        const [key, value] = [1, 2].map((number) => textOf(readAll(readFields(entry), number)[0]));
        if (key === 'location' && value) locations.add(value);
      }
    }
    if (bytes.length <= mostTensorBytes) return bytes;
    return messageOf(fields.filter(({ number }) => isAbout.has(number)));
  };
  const node = (depth: number): Edit => {
    const nested: Edit = depth < maxDepth ? (bytes) => graph(depth + 1)(bytes) : () => empty;
    const attribute: Edit = (bytes) =>
      edit(bytes, { 5: tensor, 6: nested, 10: tensor, 11: nested });
    // Its documentation and properties are where exporters keep whole stack traces.
    return (bytes) => edit(bytes, { 5: attribute, 6: () => empty, 9: () => empty });
  };
  const graph = (depth: number): Edit => {
    return (bytes) => edit(bytes, { 1: node(depth), 5: tensor, 13: () => empty, 15: () => empty });
  };
  try {
    // FunctionProto: node = 7. Its other fields are names.
    const body: Edit = (bytes) => edit(bytes, { 7: node(0) });
    const outline = edit(model, { 7: graph(0), 25: body });
    return {
      locations: [...locations],
      write: () =>
        outline.length > mostBytes
          ? null
          : outline instanceof Uint8Array
            ? outline.slice()
            : written(outline),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** TensorProto: dims = 1, data_type = 2, name = 8, external_data = 13, data_location = 14. */
const isAbout: ReadonlySet<number> = new Set([1, 2, 8, 13, 14]);

const empty = new Uint8Array(0);

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
