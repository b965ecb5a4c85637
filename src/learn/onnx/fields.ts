/** Fields of ONNX's messages, to be written. Numbers of fields are those of `onnx.proto`. */
import { messageOf, type NewField, type Unwritten, varintBytes } from '../../model/onnx/wire.js';

/** Codes of `TensorProto.DataType`. */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;

/** A type that written graphs use. */
export type ElementType = keyof typeof elementTypes;

/** A size, or a name for one that is left open. */
export type Dim = number | string;

/** An attribute's value: a whole number, several, a text, or a number with a fraction. */
export type AttributeValue = number | readonly number[] | string | { float: number };

const encoder = new TextEncoder();

export function textField(number: number, text: string): NewField {
  return bytesField(number, encoder.encode(text));
}

export function bytesField(number: number, bytes: Uint8Array | Unwritten): NewField {
  return { number, type: 2, bytes };
}

export function messageField(number: number, fields: readonly NewField[]): NewField {
  return bytesField(number, messageOf(fields));
}

/** A whole number of 0…2⁵³. */
export function wholeField(number: number, value: number): NewField {
  return { number, type: 0, bytes: varintBytes(value) };
}

function floatField(number: number, value: number): NewField {
  return { number, type: 5, bytes: bytesOf(Float32Array.of(value)) };
}

/**
 * NodeProto.
 *
 * @param op - With its domain before it unless that is ONNX's own: `com.microsoft.FusedMatMul`.
 */
export function nodeField(
  op: string,
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NewField {
  return messageField(1, [
    ...inputs.map((each) => textField(1, each)),
    ...outputs.map((each) => textField(2, each)),
    textField(3, name),
    textField(4, op.slice(op.lastIndexOf('.') + 1)),
    ...(op.includes('.') ? [textField(7, op.slice(0, op.lastIndexOf('.')))] : []),
    ...Object.entries(attributes).map(([key, value]) => messageField(5, attribute(key, value))),
  ]);
}

/** AttributeProto: name = 1, f = 2, i = 3, s = 4, ints = 8, type = 20. */
function attribute(name: string, value: AttributeValue): NewField[] {
  const key = textField(1, name);
  if (typeof value === 'number') return [key, wholeField(3, value), wholeField(20, 2)];
  if (typeof value === 'string') return [key, textField(4, value), wholeField(20, 3)];
  if ('float' in value) return [key, floatField(2, value.float), wholeField(20, 1)];
  return [key, ...value.map((each) => wholeField(8, each)), wholeField(20, 7)];
}

/** An initializer: TensorProto with `raw_data`, little-endian as every machine with a browser is. */
export function initializerField(
  name: string,
  type: ElementType,
  dims: readonly number[],
  data: ArrayBufferView,
): NewField {
  return messageField(5, [
    ...dims.map((dim) => wholeField(1, dim)),
    wholeField(2, elementTypes[type]),
    textField(8, name),
    bytesField(9, bytesOf(data)),
  ]);
}

/** ValueInfoProto of a graph's input (11) or output (12). */
export function valueField(
  number: 11 | 12,
  name: string,
  type: ElementType,
  dims: readonly Dim[],
): NewField {
  return typedValueField(
    number,
    name,
    type,
    dims.map((dim) => [typeof dim === 'number' ? wholeField(1, dim) : textField(2, dim)]),
  );
}

/** The same, with dimensions that are written already. */
export function typedValueField(
  number: 11 | 12,
  name: string,
  type: ElementType,
  dims: readonly (readonly NewField[])[],
): NewField {
  const shape = dims.map((dim) => messageField(1, dim));
  const tensor = [wholeField(1, elementTypes[type]), messageField(2, shape)];
  return messageField(number, [textField(1, name), messageField(2, [messageField(1, tensor)])]);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
