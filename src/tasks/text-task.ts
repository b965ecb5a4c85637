/** What tasks of texts have in common: all but what they make of the outputs. */
import { TabserveError } from '../base/errors.js';
import type { Feeds } from '../base/gpu-tensor.js';
import { type Check, nullable, object, string } from '../base/shape.js';
import type { Tensor, TensorInfo, Tensors } from '../base/tensor.js';
import { type Encoded, openTokenizer } from '../input/text/tokenizer.js';
import type {
  CapturedText,
  TextInput,
  TextOrigin,
  TextPreprocess,
  TextReport,
} from '../input/text/types.js';
import type { CoreManifest } from '../model/manifest-core.js';
import type { OpenedTask, TaskModel, WorkerTask } from '../runtime/task.js';
import { findTensor, misfit } from './graph.js';

/** What every manifest of a task of texts says. */
export interface TextManifest extends CoreManifest {
  input: TextInput;
  preprocess: TextPreprocess;
}

/** A task of texts, but for the texts. */
export interface TextHead<Manifest, Options, Answer>
  extends Pick<WorkerTask<CoreManifest, CapturedText, Options, Answer>, 'name' | 'transfer'> {
  readonly options: Check;
  /**
   * @throws TabserveError `model-invalid` where the graph does not fit the manifest.
   */
  open(model: TaskModel<Manifest & CoreManifest>): OpenedTextHead<Options, Answer>;
}

/** A head with one model. */
export interface OpenedTextHead<Options, Answer>
  extends Pick<OpenedTask<CapturedText, Options, Answer>, 'outputs'> {
  /**
   * @param outputs - Those that `outputs` names.
   * @param mask - Per token of the network's input, whether it is one of the text.
   */
  interpret(outputs: Tensors, options: Options, mask: readonly boolean[]): Answer;
}

/** Some text, to warm up and to measure with. */
const sampleText = 'A text of usual length, to be read before any other one is. '.repeat(4);

/** A task of texts. */
export function textTask<Manifest extends TextManifest, Options, Answer>(
  head: TextHead<Manifest, Options, Answer>,
): WorkerTask<Manifest, CapturedText, Options, Answer, object> {
  return {
    name: head.name,
    checks: {
      payload: object({ text: string, pair: nullable(string) }),
      options: head.options,
      settings: object({}),
    },
    ...(head.transfer && { transfer: head.transfer }),
    open(model) {
      const { manifest, assets, inputs, where } = model;
      const { input, preprocess } = manifest;
      const { prefix = '', lowercase = false } = preprocess;
      const { 'tokenizer.json': file, 'tokenizer_config.json': config } = assets;
      if (!file) {
        throw new TabserveError(
          'model-invalid',
          `The manifest of "${manifest.name}" names no "tokenizer.json" in its "assets"; without it tabserve cannot turn texts into tokens.`,
          { details: { model: manifest.name } },
        );
      }
      const length = lengthOf(inputs, input, preprocess.maxTokens, where);
      const tokenizer = openTokenizer(file, config, {
        maxTokens: preprocess.maxTokens,
        where: `"${manifest.assets?.['tokenizer.json']?.url ?? 'tokenizer.json'}"`,
      });
      const given = (text: string) => {
        const whole = prefix + text;
        return lowercase ? whole.toLowerCase() : whole;
      };
      const encode = (text: string, pair: string | null) =>
        tokenizer.encode(given(text), pair === null ? null : given(pair));
      const { padId, padTypeId, padsLeft } = tokenizer;
      const feedsOf = (encoded: Encoded) =>
        textFeeds(encoded, { input, inputs, length, padId, padTypeId, padsLeft, where });
      const { interpret, ...rest } = head.open(model);
      return {
        ...rest,
        sample: () => feedsOf(encode(sampleText, null)).feeds,
        async prepare({ text, pair }, options, { lap }) {
          const encoded = encode(text, pair);
          lap('preprocess');
          const { feeds, mask } = feedsOf(encoded);
          const report: TextReport = {
            tokens: encoded.ids.length,
            isTruncated: encoded.isTruncated,
          };
          return {
            report,
            feeds: () => feeds,
            interpret: (outputs) => interpret(outputs, options, mask),
            origin: (): TextOrigin => ({
              tokens: encoded.ids.map(tokenizer.tokenOf),
              specials: encoded.specials,
              first: mask.indexOf(true),
              isFixed: length !== null,
              padId,
            }),
          };
        },
      };
    },
  };
}

/** How many tokens the graph takes: exactly so many, or `null` for any. */
function lengthOf(
  inputs: readonly TensorInfo[],
  { ids }: TextInput,
  maxTokens: number,
  where: string,
): number | null {
  const { shape } = findTensor(inputs, ids, 'input.ids', where);
  const [batch, length] = shape;
  if (shape.length !== 2 || (typeof batch === 'number' && batch !== 1)) {
    throw misfit(where, 'input.ids', '[1, tokens]', `[${shape.join(', ')}]`);
  }
  if (typeof length !== 'number') return null;
  if (length < maxTokens) {
    throw misfit(where, 'preprocess.maxTokens', `${maxTokens}`, `${length} tokens`);
  }
  return length;
}

interface Filling {
  input: TextInput;
  inputs: readonly TensorInfo[];
  length: number | null;
  padId: number;
  padTypeId: number;
  padsLeft: boolean;
  where: string;
}

/** The network's inputs, filled up to the length that it takes. */
function textFeeds(
  { ids, typeIds }: Encoded,
  { input, inputs, length, padId, padTypeId, padsLeft, where }: Filling,
): { feeds: Feeds; mask: boolean[] } {
  // A network cannot take nothing: an empty text without special tokens is one that is filled up.
  const size = length ?? Math.max(1, ids.length);
  const before = padsLeft ? size - ids.length : 0;
  const mask = Array.from({ length: size }, (_, at) => at >= before && at < before + ids.length);
  const filled = (values: readonly number[], other: number) =>
    mask.map((isText, at) => (isText ? (values[at - before] as number) : other));
  const feeds: Record<string, Tensor> = {};
  const feed = (name: string | undefined, field: string, values: () => readonly number[]) => {
    if (name === undefined) return;
    const { type } = findTensor(inputs, name, `input.${field}`, where);
    if (type !== 'int64' && type !== 'int32') {
      throw misfit(where, `input.${field}`, 'int64 or int32', type);
    }
    const dims = [1, size];
    feeds[name] =
      type === 'int64'
        ? { type, dims, data: BigInt64Array.from(values(), BigInt) }
        : { type, dims, data: Int32Array.from(values()) };
  };
  feed(input.ids, 'ids', () => filled(ids, padId));
  feed(input.attentionMask, 'attentionMask', () => mask.map(Number));
  feed(input.typeIds, 'typeIds', () => filled(typeIds, padTypeId));
  feed(input.positionIds, 'positionIds', () => mask.map((_, at) => Math.max(0, at - before)));
  return { feeds, mask };
}
