/**
 * Half-precision models for the WASM backend.
 *
 * Its kernels compute in single precision. Given a half-precision graph, the engine casts before and
 * after every operator, and can no longer fuse a convolution with its activation. So the weights are
 * widened once, when the model is loaded: half the download, and then the speed of fp32.
 *
 * Numbers of fields are those of `onnx.proto`.
 */
import { float16Value } from '../base/float16.js';
import {
  messageOf,
  type NewField,
  readAll,
  readFields,
  readIntegers,
  type Unwritten,
  varintBytes,
  written,
} from './protobuf.js';

const float32 = 1;
const float16 = 10;

/** Thrown for graphs that are better left to the engine. */
class NotWidened extends Error {}

/**
 * The same model in single precision.
 *
 * @param model - An `.onnx` file.
 * @returns `model` itself where there is nothing to widen, or where it cannot be done: inputs or
 *   outputs of half precision, weights in other files, functions of the model's own, or bytes that
 *   are no model.
 */
export function widenHalves(model: Uint8Array): Uint8Array {
  try {
    const wide = edit(model, {
      7: (graph) => widenGraph(graph, true),
      25: () => {
        throw new NotWidened();
      },
    });
    return wide instanceof Uint8Array ? wide : written(wide);
  } catch (error) {
    // What is wrong with the bytes the engine can say better.
    if (error instanceof NotWidened || error instanceof RangeError) return model;
    throw error;
  }
}

type Edit = (bytes: Uint8Array) => Uint8Array | Unwritten;

/** `message` with fields of these numbers edited; the same array if no edit changed anything. */
function edit(message: Uint8Array, edits: Readonly<Record<number, Edit>>): Uint8Array | Unwritten {
  let isChanged = false;
  const fields: NewField[] = readFields(message).map((field) => {
    const bytes = edits[field.number]?.(field.bytes) ?? field.bytes;
    if (bytes === field.bytes) return field;
    isChanged = true;
    return { ...field, bytes };
  });
  return isChanged ? messageOf(fields) : message;
}

/** GraphProto: node = 1, initializer = 5, input = 11, output = 12, value_info = 13. */
function widenGraph(graph: Uint8Array, isOutermost: boolean): Uint8Array | Unwritten {
  const border: Edit = isOutermost ? refuseHalf : widenValue;
  return edit(graph, { 1: widenNode, 5: widenTensor, 11: border, 12: border, 13: widenValue });
}

/** NodeProto: attribute = 5. */
function widenNode(node: Uint8Array): Uint8Array | Unwritten {
  return edit(node, { 5: widenAttribute });
}

/** AttributeProto: name = 1, i = 3, t = 5, g = 6, tensors = 10, graphs = 11. */
function widenAttribute(attribute: Uint8Array): Uint8Array | Unwritten {
  const [name] = readAll(readFields(attribute), 1);
  const namesType = ['to', 'dtype'].includes(new TextDecoder().decode(name));
  const widenSubgraph: Edit = (graph) => widenGraph(graph, false);
  return edit(attribute, {
    ...(namesType && { 3: widenType }),
    5: widenTensor,
    6: widenSubgraph,
    10: widenTensor,
    11: widenSubgraph,
  });
}

/** ValueInfoProto: type = 2; TypeProto: tensor_type = 1; TypeProto.Tensor: elem_type = 1. */
function widenValue(value: Uint8Array): Uint8Array | Unwritten {
  return edit(value, {
    2: (type) => edit(type, { 1: (tensor) => edit(tensor, { 1: widenType }) }),
  });
}

function refuseHalf(value: Uint8Array): Uint8Array | Unwritten {
  if (widenValue(value) !== value) throw new NotWidened();
  return value;
}

function widenType(type: Uint8Array): Uint8Array {
  return type.length === 1 && type[0] === float16 ? varintBytes(float32) : type;
}

/** TensorProto: data_type = 2, int32_data = 5, raw_data = 9, data_location = 14. */
function widenTensor(tensor: Uint8Array): Uint8Array | Unwritten {
  const fields = readFields(tensor);
  if (readIntegers(fields, 2)[0] !== float16) return tensor;
  if (readIntegers(fields, 14)[0] === 1) throw new NotWidened();
  const [raw] = readAll(fields, 9);
  const halves = raw ?? new Uint8Array(Uint16Array.from(readIntegers(fields, 5)).buffer);
  if (halves.length % 2 !== 0) throw new RangeError('Half a number is left over.');
  const rest = fields.filter(({ number }) => number !== 2 && number !== 5 && number !== 9);
  return messageOf([
    ...rest,
    { number: 2, type: 0, bytes: varintBytes(float32) },
    { number: 9, type: 2, bytes: widened(halves) },
  ]);
}

/** @param halves - Little-endian float16 numbers, at any offset. */
function widened(halves: Uint8Array): Unwritten {
  return {
    length: halves.length * 2,
    write(into) {
      const values = float16Values();
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      for (let at = 0; at < halves.length; at += 2) {
        const bits = (halves[at] as number) | ((halves[at + 1] as number) << 8);
        view.setFloat32(at * 2, values[bits] as number, true);
      }
    },
  };
}

let table: Float32Array | undefined;

/** The value of each float16. */
function float16Values(): Float32Array {
  table ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => float16Value(bits));
  return table;
}
