/**
 * The ONNX MobileNetV2 as a TensorFlow.js graph model, as its converter would write it: NHWC,
 * convolution, bias and ReLU6 fused. Knows the operators of that one network.
 */
import { type Field, readAll, readFields, readIntegers } from '../../src/model/onnx/wire.js';

/** A `model.json` and the one file of weights that it names. */
export interface TfjsModel {
  json: object;
  weights: Buffer;
}

interface Node {
  op: string;
  inputs: string[];
  output: string;
  ints: Readonly<Record<string, readonly number[]>>;
}

interface Weight {
  dims: number[];
  data: Float32Array;
}

interface TfNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, unknown>;
}

/**
 * Converts the model.
 *
 * @param weightsFile - What `model.json` calls the weights.
 * @throws Error for an operator that the network is not known to have.
 */
export function toTfjs(model: Uint8Array, weightsFile: string): TfjsModel {
  const { nodes, weights } = readGraph(model);
  const specs: { name: string; shape: number[]; dtype: string }[] = [];
  const data: Buffer[] = [];
  const out: TfNode[] = [
    {
      name: 'input',
      op: 'Placeholder',
      attr: { dtype: { type: 'DT_FLOAT' }, shape: shape([1, 224, 224, 3]) },
    },
  ];
  const addConst = (name: string, dims: number[], values: Float32Array | Int32Array): string => {
    const isInt = values instanceof Int32Array;
    specs.push({ name, shape: dims, dtype: isInt ? 'int32' : 'float32' });
    data.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    out.push({
      name,
      op: 'Const',
      attr: { dtype: { type: isInt ? 'DT_INT32' : 'DT_FLOAT' }, value: { tensor: {} } },
    });
    return name;
  };
  /** Tensors of ONNX by their names here. */
  const names = new Map([['input', 'input']]);
  const nameOf = (tensor = ''): string => names.get(tensor) ?? tensor;
  const clipped = new Map(
    nodes.flatMap((node) => (node.op === 'Clip' ? [[node.inputs[0] ?? '', node.output]] : [])),
  );
  for (const { op, inputs, output, ints } of nodes) {
    const [first = ''] = inputs.map(nameOf);
    switch (op) {
      case 'Conv': {
        const filter = weights.get(inputs[1] ?? '');
        const bias = weights.get(inputs[2] ?? '');
        if (!filter || !bias) throw new Error(`${output} has no weights.`);
        const isDepthwise = (ints.group?.[0] ?? 1) > 1;
        const { dims, values } = turned(filter, isDepthwise);
        const activation = clipped.get(output);
        const strides = ints.strides ?? [1, 1];
        out.push({
          name: output,
          op: isDepthwise ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D',
          input: [
            first,
            addConst(`${output}/filter`, dims, values),
            addConst(`${output}/bias`, bias.dims, bias.data),
          ],
          attr: {
            T: { type: 'DT_FLOAT' },
            num_args: { i: '1' },
            fused_ops: { list: { s: ['BiasAdd', ...(activation ? ['Relu6'] : [])].map(base64) } },
            strides: { list: { i: [1, ...strides, 1].map(String) } },
            dilations: { list: { i: ['1', '1', '1', '1'] } },
            padding: { s: base64('SAME') },
            data_format: { s: base64('NHWC') },
            epsilon: { f: 0 },
          },
        });
        if (activation) names.set(activation, output);
        break;
      }
      case 'Clip':
        break;
      case 'Add':
        out.push({
          name: output,
          op: 'AddV2',
          input: inputs.map(nameOf),
          attr: { T: { type: 'DT_FLOAT' } },
        });
        break;
      case 'GlobalAveragePool':
        out.push({
          name: output,
          op: 'Mean',
          input: [first, addConst(`${output}/axes`, [2], Int32Array.of(1, 2))],
          attr: { keep_dims: { b: true }, T: { type: 'DT_FLOAT' }, Tidx: { type: 'DT_INT32' } },
        });
        break;
      case 'Flatten':
        out.push({
          name: output,
          op: 'Reshape',
          input: [first, addConst(`${output}/shape`, [2], Int32Array.of(1, -1))],
          attr: { T: { type: 'DT_FLOAT' }, Tshape: { type: 'DT_INT32' } },
        });
        break;
      case 'Softmax':
        out.push({
          name: output,
          op: 'Softmax',
          input: [first],
          attr: { T: { type: 'DT_FLOAT' } },
        });
        break;
      default:
        throw new Error(`The converter does not know ${op}.`);
    }
  }
  return {
    json: {
      format: 'graph-model',
      modelTopology: { node: out, library: {}, versions: { producer: 1 } },
      weightsManifest: [{ paths: [weightsFile], weights: specs }],
    },
    weights: Buffer.concat(data),
  };
}

/** A filter in TensorFlow's order: height, width, in, out; for a depthwise one in and 1. */
function turned({ dims, data }: Weight, isDepthwise: boolean) {
  const [out = 1, into = 1, height = 1, width = 1] = dims;
  const values = new Float32Array(data.length);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < into; i++) {
      for (let at = 0; at < height * width; at++) {
        const value = data[(o * into + i) * height * width + at] ?? 0;
        values[(at * into + i) * out + o] = value;
      }
    }
  }
  // With one input channel each, "in, out" and "channels, 1" are the same numbers.
  return { dims: isDepthwise ? [height, width, out, 1] : [height, width, into, out], values };
}

/** `onnx.proto`: ModelProto.graph = 7; GraphProto.node = 1, .initializer = 5. */
function readGraph(model: Uint8Array): { nodes: Node[]; weights: Map<string, Weight> } {
  const graph = readFields(one(readFields(model), 7));
  return {
    nodes: readAll(graph, 1).map(readNode),
    weights: new Map(readAll(graph, 5).map(readTensor)),
  };
}

/** NodeProto.input = 1, .output = 2, .op_type = 4, .attribute = 5. */
function readNode(bytes: Uint8Array): Node {
  const fields = readFields(bytes);
  const attributes = readAll(fields, 5).map((attribute) => {
    // AttributeProto.name = 1, .i = 3, .ints = 8.
    const parts = readFields(attribute);
    return [text(one(parts, 1)), [...readIntegers(parts, 3), ...readIntegers(parts, 8)]] as const;
  });
  return {
    op: text(one(fields, 4)),
    inputs: readAll(fields, 1).map(text),
    output: text(one(fields, 2)),
    ints: Object.fromEntries(attributes),
  };
}

/** TensorProto.dims = 1, .name = 8, .raw_data = 9. */
function readTensor(bytes: Uint8Array): [string, Weight] {
  const fields = readFields(bytes);
  const raw = Uint8Array.from(one(fields, 9));
  return [
    text(one(fields, 8)),
    { dims: readIntegers(fields, 1), data: new Float32Array(raw.buffer, 0, raw.length >> 2) },
  ];
}

function one(fields: readonly Field[], number: number): Uint8Array {
  return readAll(fields, number)[0] ?? new Uint8Array();
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

function shape(sizes: number[]) {
  return { shape: { dim: sizes.map((size) => ({ size: String(size) })) } };
}
