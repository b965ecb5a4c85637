/** Answers of the protocol: JSON, with tensors behind it in the binary data format. */
import { float16Value } from '../../base/float16.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import { ServerError } from '../http/errors.js';
import { datatypeOf, elementsToBytes, elementsToJson } from './datatypes.js';
import type { InferRequest, WantedOutput } from './infer-request.js';

/** What an answer says of its model. */
export interface Answering {
  model: string;
  version: string;
  labels: readonly string[];
  /** Names of the graph's outputs, in their order. */
  outputs: readonly string[];
}

/**
 * Writes the answer to a request.
 *
 * @param tensors - All outputs that are wanted, by name.
 * @throws ServerError 400 for classes of what has none; 500 for an output that is no tensor.
 */
export function writeInferResponse(
  { id, outputs, binary }: Pick<InferRequest, 'id' | 'outputs' | 'binary'>,
  { model, version, labels, outputs: all }: Answering,
  tensors: Readonly<Record<string, Tensor>>,
): Response {
  const wanted = outputs ?? all.map((name) => ({ name, binary, classes: 0 }));
  const tail: Uint8Array[] = [];
  const written = wanted.map((each) => writeOutput(each, tensors[each.name], labels, tail));
  const head = {
    ...(id !== undefined && { id }),
    model_name: model,
    model_version: version,
  };
  // Elements are written apart: JSON.stringify has no words for some numbers.
  const text = `${JSON.stringify(head).slice(0, -1)},"outputs":[${written.join(',')}]}`;
  if (tail.length === 0) {
    return new Response(text, { headers: { 'Content-Type': 'application/json' } });
  }
  const header = new TextEncoder().encode(text);
  return new Response(new Blob([header, ...(tail as Uint8Array<ArrayBuffer>[])]), {
    headers: {
      'Content-Type': 'application/octet-stream',
      'Inference-Header-Content-Length': String(header.length),
    },
  });
}

function writeOutput(
  { name, binary, classes }: WantedOutput,
  found: Tensor | undefined,
  labels: readonly string[],
  tail: Uint8Array[],
): string {
  if (!found) throw new ServerError(500, `The model gave no output "${name}".`);
  const tensor = classes > 0 ? bestClasses(name, found, classes, labels) : found;
  const datatype = datatypeOf(tensor.type);
  const head = { name, datatype, shape: tensor.dims };
  if (!binary) {
    const start = JSON.stringify(head).slice(0, -1);
    return `${start},"data":${elementsToJson(tensor, float16Value)}}`;
  }
  const bytes = elementsToBytes(tensor);
  tail.push(bytes);
  return JSON.stringify({ ...head, parameters: { binary_data_size: bytes.length } });
}

/**
 * The classification extension: the best classes of each row, as `score:index` or
 * `score:index:label`. A row is the last axis.
 */
function bestClasses(
  name: string,
  tensor: Tensor,
  classes: number,
  labels: readonly string[],
): Tensor {
  if (tensor.type === 'string')
    throw new ServerError(400, `The output "${name}" holds strings, which have no best classes.`);
  const { dims } = tensor;
  const width = dims.at(-1) ?? 1;
  const numbers = numbersOf(tensor);
  const count = Math.min(classes, width);
  const isFraction = tensor.type.startsWith('float');
  const texts: string[] = [];
  for (let start = 0; start < numbers.length; start += Math.max(width, 1)) {
    const order = Array.from({ length: width }, (_, index) => index).sort(
      (a, b) => (numbers[start + b] as number) - (numbers[start + a] as number) || a - b,
    );
    for (const index of order.slice(0, count)) {
      const score = numbers[start + index] as number;
      const label = labels.length === width ? `:${labels[index]}` : '';
      texts.push(`${isFraction ? score.toFixed(6) : score}:${index}${label}`);
    }
  }
  const rows = dims.slice(0, -1);
  // A single row of a network without a batch is a list, as Triton has it.
  const isSingle = rows.every((size) => size === 1);
  return { type: 'string', dims: isSingle ? [count] : [...rows, count], data: texts };
}
