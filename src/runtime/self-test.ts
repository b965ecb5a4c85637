/** What a model's author recorded of it: tensors, and what the network makes of them. */
import { TabserveError } from '../base/errors.js';
import { float16Bits } from '../base/float16.js';
import type { OutputDigest } from '../base/probe.js';
import { arrayClasses, type NumberType, type Tensor, type Tensors } from '../base/tensor.js';
import type { CoreManifest, TensorTest, TestInput, TestOutput } from '../model/manifest-core.js';
import { readAll, readFields, readIntegers } from '../model/onnx/wire.js';
import { checkTensor } from './check-input.js';
import { compareOutputs, digestOf } from './compare.js';
import type { ModelSession } from './session.js';

/** A test whose files were read. */
export interface OpenedTest {
  feeds: Tensors;
  outputs: readonly OutputDigest[];
}

/** Reads a file by the address that the manifest gives it. */
export type ReadFile = (url: string) => Promise<Uint8Array>;

/** The tests of tensors that hold for a file of a model. */
export function tensorTests({ selfTest = [] }: CoreManifest, file: string): TensorTest[] {
  return selfTest.filter(
    (test): test is TensorTest => 'inputs' in test && (test.file ?? file) === file,
  );
}

/**
 * @throws TabserveError `model-invalid` for a file that is no tensor; what `read` throws.
 */
export async function openTest(
  { inputs, outputs }: TensorTest,
  read: ReadFile,
): Promise<OpenedTest> {
  return {
    feeds: Array.isArray(inputs) ? await readTensors(inputs, read) : testFeeds(inputs),
    outputs: Array.isArray(outputs)
      ? digestOf(await readTensors(outputs, read))
      : Object.entries(outputs).map(([name, output]) => recorded(name, output)),
  };
}

/**
 * Runs the network on a test's tensors.
 *
 * @returns Where it computes otherwise, in words, with both numbers.
 * @throws TabserveError as the run.
 */
export async function differenceFrom(
  { feeds, outputs }: OpenedTest,
  session: Pick<ModelSession, 'run'>,
  tolerance: number,
): Promise<string | undefined> {
  const names = outputs.map(({ name }) => name);
  const found = digestOf(await session.run(feeds, names), outputs);
  return compareOutputs(outputs, found, tolerance)?.message;
}

/** The tensors of inputs that are described. */
export function testFeeds(inputs: Readonly<Record<string, TestInput>>): Tensors {
  const feeds = Object.entries(inputs).map(([name, { type, dims, data }], index) => {
    if (data === undefined) return [name, checkTensor(type, dims, index + 1)] as const;
    const length = dims.reduce((product, size) => product * size, 1);
    const values = typeof data === 'number' ? new Array<number>(length).fill(data) : data;
    if (values.length !== length) {
      const problem = `has ${values.length} numbers for [${dims.join(', ')}]`;
      throw new TabserveError('model-invalid', `The self-test's input "${name}" ${problem}.`);
    }
    return [name, { type, dims, data: arrayOf(type, values) }] as const;
  });
  return Object.fromEntries(feeds);
}

function arrayOf(type: NumberType, values: readonly number[]): Tensor['data'] {
  if (type === 'int64') return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)));
  if (type === 'uint64') return BigUint64Array.from(values, (value) => BigInt(Math.trunc(value)));
  if (type === 'float16') return Uint16Array.from(values, float16Bits);
  return new (arrayClasses[type] as Float32ArrayConstructor)(values);
}

function recorded(name: string, { type, dims, step = 1, numbers, parts }: TestOutput) {
  const sizes = (values: readonly (number | null)[]) =>
    Float64Array.from(values, (value) => value ?? Number.NaN);
  return { name, type, dims, step, sample: sizes(numbers), blocks: sizes(parts ?? []) };
}

async function readTensors(urls: readonly string[], read: ReadFile): Promise<Tensors> {
  const tensors = await Promise.all(
    urls.map(async (url) => {
      try {
        return readTensor(await read(url));
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new TabserveError(
          'model-invalid',
          `${url} is no tensor of a self-test: expected a TensorProto with a name, and with its numbers as raw_data.`,
          { cause, details: { file: url } },
        );
      }
    }),
  );
  return Object.fromEntries(tensors);
}

/** `TensorProto.DataType`, from 1 on. */
const dataTypes: readonly (NumberType | null)[] = [
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  null,
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
];

/**
 * TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9.
 *
 * @throws RangeError for anything else.
 */
function readTensor(bytes: Uint8Array): readonly [name: string, tensor: Tensor] {
  const fields = readFields(bytes);
  const type = dataTypes[(readIntegers(fields, 2)[0] ?? 0) - 1];
  const name = new TextDecoder().decode(readAll(fields, 8)[0]);
  const dims = readIntegers(fields, 1);
  const [raw = new Uint8Array()] = readAll(fields, 9);
  if (!type || !name) throw new RangeError('There is no such tensor.');
  const { BYTES_PER_ELEMENT: size } = arrayClasses[type];
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (raw.length !== length * size) throw new RangeError('The numbers do not fit.');
  const data = new arrayClasses[type](raw.slice().buffer);
  return [name, { type, dims, data }];
}
