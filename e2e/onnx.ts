/**
 * Writes tiny ONNX models for the tests, in ONNX's protobuf encoding (`onnx.proto3`): a field is a
 * tag (`number << 3 | wire type`) and a varint (type 0) or a length and bytes (type 2).
 */

/** Element types of `TensorProto.DataType`. */
export const elementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float16: 10,
  float64: 11,
} as const;

type Dim = number | string;

/** A float32 tensor that lies in a file of its own. */
export interface ExternalTensor {
  name: string;
  shape: readonly number[];
  /** Name of the file, beside the model. */
  location: string;
}

/** A tensor inside of the model. */
export interface Weights {
  name: string;
  shape: readonly number[];
  type: 'float32' | 'float16';
  /** Little-endian, as many as `shape` says. */
  data: Uint8Array;
}

/** A graph of nodes that each take the previous one's output. */
export interface ChainModel {
  input: { name: string; type: keyof typeof elementType; shape: readonly Dim[] };
  nodes: readonly {
    op: string;
    attributes?: Readonly<Record<string, number>>;
    /** A second input. */
    external?: ExternalTensor;
    /** A second input too. */
    weights?: Weights;
  }[];
  /** `type`: `float32` by default. */
  output: { name: string; type?: keyof typeof elementType; shape: readonly Dim[] };
}

/** The bytes of an `.onnx` file, opset 13. Integer attributes only. */
export function writeOnnx({ input, nodes, output }: ChainModel): Buffer {
  const nodeProtos = nodes.map(({ op, attributes = {}, external, weights }, index) => {
    const from = index === 0 ? input.name : `value${index}`;
    const to = index === nodes.length - 1 ? output.name : `value${index + 1}`;
    const attributeProtos = Object.entries(attributes).map(([name, value]) =>
      bytesField(5, text(1, name), varintField(3, value), varintField(20, 2)),
    );
    const second = external ?? weights;
    const inputs = [text(1, from), ...(second ? [text(1, second.name)] : [])];
    return bytesField(1, ...inputs, text(2, to), text(4, op), ...attributeProtos);
  });
  const initializers = nodes.flatMap(({ external, weights }) => [
    ...(external ? [initializer(external)] : []),
    ...(weights ? [inlineInitializer(weights)] : []),
  ]);
  const graph = bytesField(
    7,
    ...nodeProtos,
    text(2, 'graph'),
    ...initializers,
    valueInfo(11, input.name, elementType[input.type], input.shape),
    valueInfo(12, output.name, elementType[output.type ?? 'float32'], output.shape),
  );
  return Buffer.concat([varintField(1, 8), graph, bytesField(8, varintField(2, 13))]);
}

/** The same model, larger by about `bytes`: a documentation string that nobody reads. */
export function padded(model: Buffer, bytes: number): Buffer {
  return Buffer.concat([model, bytesField(6, Buffer.alloc(bytes, 'tabserve '))]);
}

/** A `TensorProto` with its data elsewhere. */
function initializer({ name, shape, location }: ExternalTensor): Buffer {
  return bytesField(
    5,
    ...shape.map((dim) => varintField(1, dim)),
    varintField(2, elementType.float32),
    text(8, name),
    bytesField(13, text(1, 'location'), text(2, location)),
    varintField(14, 1),
  );
}

function inlineInitializer(weights: Weights): Buffer {
  return bytesField(5, writeTensor(weights));
}

/** A `TensorProto`: alone in a file it is what ONNX's own tests take and give. */
export function writeTensor({ name, shape, type, data }: Weights): Buffer {
  return Buffer.concat([
    ...shape.map((dim) => varintField(1, dim)),
    varintField(2, elementType[type]),
    text(8, name),
    bytesField(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

function valueInfo(field: number, name: string, type: number, shape: readonly Dim[]): Buffer {
  const dims = shape.map((dim) =>
    bytesField(1, typeof dim === 'number' ? varintField(1, dim) : text(2, dim)),
  );
  const tensor = bytesField(1, varintField(1, type), bytesField(2, ...dims));
  return bytesField(field, text(1, name), bytesField(2, tensor));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function bytesField(field: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

function text(field: number, value: string): Buffer {
  return bytesField(field, Buffer.from(value));
}
