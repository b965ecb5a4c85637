/** Writes an ONNX graph, node by node. */
import { messageOf, type NewField, written } from '../../model/onnx/wire.js';
import {
  type AttributeValue,
  type Dim,
  type ElementType,
  initializerField,
  messageField,
  nodeField,
  textField,
  valueField,
  wholeField,
} from './fields.js';

/** The operators' version that graphs are written in, and the file's. */
const opset = 17;
const irVersion = 8;

/** A graph in the making. Values are named by strings. */
export class GraphBuilder {
  readonly #nodes: NewField[] = [];
  readonly #initializers: NewField[] = [];
  readonly #inputs: NewField[] = [];
  readonly #outputs: NewField[] = [];
  /** Small constants that are there already. */
  readonly #known = new Map<string, string>();
  readonly #domains = new Set<string>();
  #next = 0;

  input(name: string, type: ElementType, dims: readonly Dim[]): string {
    this.#inputs.push(valueField(11, name, type, dims));
    return name;
  }

  /** Makes a value an output, under a name of its own. */
  output(name: string, value: string, type: ElementType, dims: readonly Dim[]): void {
    this.#nodes.push(nodeField('Identity', this.#fresh('node'), [value], [name]));
    this.#outputs.push(valueField(12, name, type, dims));
  }

  /** A constant of whatever size. */
  tensor(type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    const name = this.#fresh('constant');
    this.#initializers.push(initializerField(name, type, dims, data));
    return name;
  }

  /** One number, without dimensions. */
  scalar(value: number): string {
    return this.#once(`f${value}`, () => this.tensor('float32', [], Float32Array.of(value)));
  }

  /** A list of whole numbers, as shapes and axes are. */
  ints(...values: readonly number[]): string {
    return this.#once(`i${values}`, () =>
      this.tensor('int64', [values.length], BigInt64Array.from(values, BigInt)),
    );
  }

  /** A node with one output. */
  op(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string {
    return this.ops(type, inputs, 1, attributes)[0] as string;
  }

  /** A node with `count` outputs. */
  ops(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string[] {
    const dot = type.lastIndexOf('.');
    if (dot > 0) this.#domains.add(type.slice(0, dot));
    const outputs = Array.from({ length: count }, () => this.#fresh(type.slice(dot + 1)));
    this.#nodes.push(nodeField(type, this.#fresh('node'), inputs, outputs, attributes));
    return outputs;
  }

  /** The file. ModelProto: ir_version = 1, producer_name = 2, graph = 7, opset_import = 8, metadata = 14. */
  write(name: string, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
    const graph = [
      ...this.#nodes,
      textField(2, name),
      ...this.#initializers,
      ...this.#inputs,
      ...this.#outputs,
    ];
    return written(
      messageOf([
        wholeField(1, irVersion),
        textField(2, 'tabserve'),
        messageField(7, graph),
        messageField(8, [textField(1, ''), wholeField(2, opset)]),
        ...[...this.#domains].map((domain) =>
          messageField(8, [textField(1, domain), wholeField(2, 1)]),
        ),
        ...Object.entries(metadata).map(([key, value]) =>
          messageField(14, [textField(1, key), textField(2, value)]),
        ),
      ]),
    );
  }

  #once(key: string, make: () => string): string {
    const known = this.#known.get(key) ?? make();
    this.#known.set(key, known);
    return known;
  }

  #fresh(hint: string): string {
    return `${hint}_${this.#next++}`;
  }
}
