/** Bodies that are no tensors: pictures, sounds, texts and rows, asked in the model's own terms. */
import { mediaType, type ServerContext } from './context.js';
import type { Execution } from './execution.js';
import { readFile } from './http/body.js';
import { ServerError } from './http/errors.js';
import type { Call } from './http/router.js';
import type {
  MediaQuestion,
  Question,
  QuestionKind,
  QuestionParameters,
  ServableModel,
  TaskFace,
  TextPair,
} from './servable.js';

/** A file that came as bytes; a blob of it costs a millisecond, and is made for those who want one. */
class MediaBytes implements MediaQuestion {
  readonly kind: MediaQuestion['kind'];
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #type: string;
  #blob: Blob | undefined;

  constructor(kind: MediaQuestion['kind'], bytes: Uint8Array<ArrayBuffer>, type: string) {
    this.kind = kind;
    this.bytes = bytes;
    this.#type = type;
  }

  get blob(): Blob {
    this.#blob ??= new Blob([this.bytes], { type: this.#type });
    return this.#blob;
  }
}

/** Most texts of one question. */
const maxTexts = 2048;

/**
 * The picture or sound that a body is by its media type; `null` for anything else, whose body is then
 * not read yet.
 *
 * @param kind - What the model takes.
 */
export async function mediaQuestionOf(
  kind: QuestionKind,
  context: ServerContext,
  call: Call,
): Promise<Question | null> {
  const type = mediaType(call.request.headers);
  const [group] = type.split('/');
  const isIts = group === kind || (kind === 'audio' && group === 'video');
  if (!isIts || (kind !== 'image' && kind !== 'audio')) return null;
  const file = await readFile(call.request, context.maxBodyBytes, type);
  return file instanceof Blob ? { kind, blob: file } : new MediaBytes(kind, file, type);
}

/**
 * Whether a body is JSON with inputs, whatever it calls itself: `fetch()` calls every string
 * `text/plain`, and some clients call theirs nothing.
 */
export function seemsRequest(body: Uint8Array): boolean {
  const start = String.fromCharCode(...body.subarray(0, 64));
  return /^\s*\{\s*("|$)/.test(start) && includesInputs(body);
}

const inputsName = new TextEncoder().encode('"inputs"');

function includesInputs(body: Uint8Array): boolean {
  for (let at = body.indexOf(0x22); at >= 0; at = body.indexOf(0x22, at + 1))
    if (inputsName.every((byte, index) => body[at + index] === byte)) return true;
  return false;
}

/**
 * The question that a body is, whatever it calls itself: clients of one endpoint send no media type,
 * or one that says nothing.
 */
export function anyQuestionOf(
  kind: QuestionKind,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Question {
  const type = mediaType(headers);
  if (kind === 'text') return { kind, texts: [textOf(body)] };
  if (kind === 'rows') throw new ServerError(400, 'The model takes rows of a table, as JSON.');
  const isSilent = ['', 'application/octet-stream', 'application/x-www-form-urlencoded'];
  return new MediaBytes(kind, body, isSilent.includes(type) ? '' : type);
}

/** @throws ServerError 400 for what is no UTF-8. */
export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new ServerError(400, 'The body is not UTF-8.', { cause });
  }
}

/**
 * A question of a JSON value: texts, or a picture or a sound as base64 or a `data:` URL.
 *
 * @throws ServerError 400
 */
export function questionOfJson(kind: QuestionKind, value: unknown): Question {
  if (kind === 'rows') return { kind, rows: value };
  if (kind === 'text') {
    const given: unknown[] = Array.isArray(value) ? value : [value];
    const texts = given.map(textIn);
    const areTexts = texts.length > 0 && texts.length <= maxTexts && !texts.includes(undefined);
    if (areTexts) return { kind, texts: texts as (string | TextPair)[] };
    throw new ServerError(400, `The model takes a text, or a list of 1 to ${maxTexts} texts.`);
  }
  if (typeof value !== 'string')
    throw new ServerError(
      400,
      `The model takes ${kind === 'image' ? 'a picture' : 'a sound'}, as base64.`,
    );
  const [, type = '', data = value] = /^data:([^;,]*);base64,(.*)$/s.exec(value) ?? [];
  try {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    return new MediaBytes(kind, bytes, type);
  } catch (cause) {
    throw new ServerError(400, 'The input is not base64.', { cause });
  }
}

/** A text, or two as Hugging Face's API has them; `undefined` for what is none. */
function textIn(value: unknown): string | TextPair | undefined {
  if (typeof value === 'string') return value;
  const { text, text_pair: pair } = (value ?? {}) as Record<string, unknown>;
  return typeof text === 'string' && typeof pair === 'string' ? { text, pair } : undefined;
}

/** How many things a question asks about. */
function itemsOf(question: Question): number {
  if ('texts' in question) return question.texts.length;
  return 'rows' in question && Array.isArray(question.rows) ? question.rows.length : 1;
}

/**
 * Asks a model a question, in the terms of its task.
 *
 * @throws ServerError 400 where its task has none; TabserveError as the model.
 */
export function askFace(
  face: TaskFace | undefined,
  { model, ask }: Execution,
  question: Question,
  parameters: QuestionParameters = {},
): Promise<unknown> {
  if (!face) throw noFace(model);
  return ask({ items: itemsOf(question), question }, (treatment) =>
    face.ask(model, question, parameters, treatment),
  );
}

/** For models that only take tensors. */
export function noFace({ task }: ServableModel): ServerError {
  return new ServerError(
    400,
    `Models of the task "${task}" take tensors only, at /v2/models/{model}/infer.`,
  );
}
