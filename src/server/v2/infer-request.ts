/** An inference request of the protocol, checked: nothing is allocated that its bytes do not back. */
import type { Tensor, TensorInfo } from '../../base/tensor.js';
import { ServerError } from '../http/errors.js';
import {
  type DatatypeName,
  datatypeNamed,
  datatypeOf,
  elementsFromBytes,
  elementsFromJson,
  tensorOf,
} from './datatypes.js';
import { isObject, type Json, parseJson, shown } from './json.js';

/** An output that is wanted, and how. */
export interface WantedOutput {
  name: string;
  binary: boolean;
  /** Of the best classes, so many; 0 for the tensor itself. */
  classes: number;
}

/** A request, read. */
export interface InferRequest {
  id: string | undefined;
  tensors: Readonly<Record<string, Tensor>>;
  /** In their order; `null` for all. */
  outputs: readonly WantedOutput[] | null;
  /** How outputs are written where `outputs` does not say. */
  binary: boolean;
  /** Milliseconds, of the parameter `timeout`, which is in microseconds. */
  timeout: number | undefined;
  priority: 'high' | 'normal' | 'low';
}

/** Most inputs, outputs and sizes of a request. */
const most = { inputs: 1024, rank: 16, idLength: 4096 };

/**
 * Reads the JSON part of a body, and what follows it.
 *
 * @param headerLength - The header `Inference-Header-Content-Length`: of the JSON, uncompressed.
 * @throws ServerError 400.
 */
export function splitBody(
  body: Uint8Array,
  headerLength: string | null,
): { header: Json; tail: Uint8Array } {
  if (headerLength === null) return { header: parseJson(body), tail: new Uint8Array(0) };
  const length = /^\d{1,15}$/.test(headerLength.trim()) ? Number(headerLength) : Number.NaN;
  if (!(length > 0 && length <= body.length)) {
    throw new ServerError(
      400,
      `Inference-Header-Content-Length is ${shown(headerLength)}; the body has ${body.length} bytes, and the JSON at its beginning at least one.`,
    );
  }
  return {
    header: parseJson(body.subarray(0, length), 'The JSON at the beginning of the body'),
    tail: body.subarray(length),
  };
}

/**
 * Reads an inference request.
 *
 * @param model - What messages call it.
 * @param inputs - The graph's inputs, and the names of its outputs.
 * @throws ServerError 400, with the field, what was found and what was expected.
 */
export function readInferRequest(
  { header, tail }: { header: Json; tail: Uint8Array },
  model: string,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): InferRequest {
  if (!isObject(header))
    throw new ServerError(400, `The request is ${shown(header)}, not an object.`);
  const { id, parameters } = header;
  if (id !== undefined && (typeof id !== 'string' || id.length > most.idLength))
    throw field('id', id, `a string of at most ${most.idLength} characters`);
  const settings = parametersOf(parameters, 'parameters');
  const tensors = readInputs(header.inputs, tail, model, inputs);
  const binary = flag(settings.binary_data_output, 'parameters.binary_data_output') ?? false;
  return {
    id,
    tensors,
    outputs: readOutputs(header.outputs, model, outputs, binary),
    binary,
    timeout: timeoutOf(settings.timeout),
    priority: priorityOf(settings.priority),
  };
}

function readInputs(
  list: Json | undefined,
  tail: Uint8Array,
  model: string,
  expected: readonly TensorInfo[],
): Record<string, Tensor> {
  if (!Array.isArray(list) || list.length > most.inputs)
    throw field('inputs', list, `a list of at most ${most.inputs} tensors`);
  const tensors: Record<string, Tensor> = Object.create(null);
  let at = 0;
  for (const [index, input] of (list as readonly Json[]).entries()) {
    const where = `inputs[${index}]`;
    if (!isObject(input)) throw field(where, input, 'an object');
    const { name } = input;
    if (typeof name !== 'string') throw field(`${where}.name`, name, 'a string');
    const info = expected.find((each) => each.name === name);
    if (!info) {
      const names = expected.map((each) => each.name).join(', ');
      throw new ServerError(
        400,
        `The model "${model}" has no input ${shown(name)}; its inputs are ${names}.`,
      );
    }
    if (name in tensors) throw new ServerError(400, `The input "${name}" is there twice.`);
    const settings = parametersOf(input.parameters, `${where}.parameters`);
    if (settings.shared_memory_region !== undefined) throw noSharedMemory();
    const datatype = datatypeNamed(input.datatype, name, `${where}.datatype`);
    const dims = shapeOf(input.shape, `${where}.shape`);
    checkAgainst(info, datatype, dims, model);
    const count = dims.reduce((product, size) => product * size, 1);
    const size = settings.binary_data_size;
    if ((size === undefined) === (input.data === undefined)) {
      const found = size === undefined ? 'neither' : 'both';
      throw new ServerError(
        400,
        `The input "${name}" has ${found} of "data" and the parameter "binary_data_size"; it has to have one.`,
      );
    }
    if (size === undefined) {
      const values = flattened(input.data, count, name, `${where}.data`);
      tensors[name] = tensorOf(datatype, dims, elementsFromJson(datatype, values, name));
      continue;
    }
    const length = whole(size, `${where}.parameters.binary_data_size`);
    if (at + length > tail.length) {
      throw new ServerError(
        400,
        `The input "${name}" claims ${length} bytes; ${tail.length - at} are left of the body.`,
      );
    }
    const bytes = tail.subarray(at, at + length);
    at += length;
    tensors[name] = tensorOf(datatype, dims, elementsFromBytes(datatype, bytes, count, name));
  }
  const missing = expected.filter(({ name }) => !(name in tensors)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ServerError(
      400,
      `The model "${model}" expects ${expected.length} inputs; ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
    );
  }
  if (at < tail.length) {
    throw new ServerError(
      400,
      `The body has ${tail.length - at} bytes more than the inputs of the model "${model}" claim.`,
    );
  }
  return tensors;
}

function shapeOf(shape: Json | undefined, where: string): readonly number[] {
  const isShape =
    Array.isArray(shape) &&
    shape.length <= most.rank &&
    shape.every((size: Json) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!isShape) {
    const found = Array.isArray(shape) ? `[${shape.slice(0, 20).map(shown)}]` : shown(shape);
    throw new ServerError(
      400,
      `"${where}" is ${found}; it has to be a list of at most ${most.rank} whole numbers from 0 to ${Number.MAX_SAFE_INTEGER}.`,
    );
  }
  return shape as readonly number[];
}

function checkAgainst(
  { name, type, shape }: TensorInfo,
  datatype: DatatypeName,
  dims: readonly number[],
  model: string,
): void {
  if (datatypeOf(type) !== datatype) {
    throw new ServerError(
      400,
      `The datatype of the input "${name}" is ${datatype}; the model "${model}" expects ${datatypeOf(type) ?? type}.`,
    );
  }
  const fits =
    dims.length === shape.length &&
    shape.every((size, axis) => typeof size === 'string' || size === dims[axis]);
  if (fits) return;
  const expected = shape.map((size) => (typeof size === 'string' ? -1 : size));
  throw new ServerError(
    400,
    `The shape of the input "${name}" is [${dims}]; the model "${model}" expects [${expected}].`,
  );
}

/** The elements of `data`, which may be nested as the shape is. As many as there should be. */
function flattened(
  data: Json | undefined,
  count: number,
  input: string,
  where: string,
): readonly Json[] {
  if (!Array.isArray(data)) throw field(where, data, 'a list');
  const flat: readonly Json[] = data.some(Array.isArray) ? data.flat(most.rank) : data;
  if (flat.length !== count) {
    throw new ServerError(
      400,
      `The input "${input}" has ${flat.length} elements; its shape has ${count}.`,
    );
  }
  return flat;
}

function readOutputs(
  list: Json | undefined,
  model: string,
  known: readonly TensorInfo[],
  binaryByDefault: boolean,
): WantedOutput[] | null {
  if (list === undefined || (Array.isArray(list) && list.length === 0)) return null;
  if (!Array.isArray(list) || list.length > most.inputs)
    throw field('outputs', list, `a list of at most ${most.inputs} outputs`);
  const names = new Set<string>();
  return (list as readonly Json[]).map((output, index) => {
    const where = `outputs[${index}]`;
    if (!isObject(output)) throw field(where, output, 'an object');
    const { name } = output;
    if (typeof name !== 'string') throw field(`${where}.name`, name, 'a string');
    if (!known.some((each) => each.name === name)) {
      const names = known.map((each) => each.name).join(', ');
      throw new ServerError(
        400,
        `The model "${model}" has no output ${shown(name)}; its outputs are ${names}.`,
      );
    }
    const settings = parametersOf(output.parameters, `${where}.parameters`);
    if (settings.shared_memory_region !== undefined) throw noSharedMemory();
    // Of a small request the answer would be a thousand times as large.
    if (names.has(name)) throw new ServerError(400, `The output "${name}" is asked for twice.`);
    names.add(name);
    const classes = whole(settings.classification ?? 0, `${where}.parameters.classification`);
    const binary = flag(settings.binary_data, `${where}.parameters.binary_data`) ?? binaryByDefault;
    return { name, binary, classes };
  });
}

function parametersOf(value: Json | undefined, where: string): Readonly<Record<string, Json>> {
  if (value === undefined) return {};
  if (!isObject(value)) throw field(where, value, 'an object');
  return value;
}

function flag(value: Json | undefined, where: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw field(where, value, 'true or false');
}

function timeoutOf(value: Json | undefined): number | undefined {
  const micros = typeof value === 'bigint' ? Number(value) : value;
  if (micros === undefined || micros === 0) return undefined;
  if (typeof micros !== 'number' || !(micros > 0))
    throw field('parameters.timeout', value, 'a number of microseconds');
  return Math.min(micros / 1000, 2 ** 31 - 1);
}

/** Triton's: 1 is the most urgent, 0 the default. */
function priorityOf(value: Json | undefined): InferRequest['priority'] {
  const priority = whole(value ?? 0, 'parameters.priority');
  if (priority === 0) return 'normal';
  return priority === 1 ? 'high' : 'low';
}

/** A whole number, which may be as large as the protocol's are: 64 bits. */
function whole(value: Json, where: string): number {
  const isWhole = typeof value === 'bigint' || Number.isInteger(value);
  const number = Number(value);
  if (isWhole && number >= 0 && number <= 2 ** 64) return number;
  throw field(where, value, 'a whole number from 0 on');
}

function field(name: string, found: Json | undefined, expected: string): ServerError {
  const what = Array.isArray(found) ? `a list of ${found.length}` : shown(found);
  return new ServerError(400, `"${name}" is ${what}; it has to be ${expected}.`);
}

function noSharedMemory(): ServerError {
  return new ServerError(
    400,
    'A page shares no memory with its callers; send "data", or the binary data format.',
  );
}
