/** How the models of each task are asked, and what becomes of their answers. */
import { shown } from '../base/shown.js';
import { ServerError } from './http/errors.js';
import type { Question, QuestionParameters, ServableModel, TaskFace } from './servable.js';

/** The methods of tabserve's classes, as far as they are called here. */
interface Methods {
  classify(source: unknown, options: object): Promise<unknown>;
  detect(source: unknown, options: object): Promise<unknown>;
  segment(source: unknown, options: object): Promise<unknown>;
  embed(source: unknown, options: object): Promise<unknown>;
  predict(source: unknown, options: object): Promise<unknown>;
}

/** Options of a request: Hugging Face's name, ours, and what a value has to be. */
const numbers: Readonly<Record<string, { name: string; least: number; most: number }>> = {
  top_k: { name: 'topK', least: 1, most: 2 ** 31 - 1 },
  threshold: { name: 'threshold', least: 0, most: 1 },
};

const flags: Readonly<Record<string, string>> = { normalize: 'normalize' };

/** What Hugging Face's clients send besides, which changes nothing in these tasks' answers. */
const ignorable = ['function_to_apply', 'truncate', 'truncation_direction', 'prompt_name'];

/**
 * The options that a request's parameters stand for.
 *
 * @param known - The parameters that the task has.
 * @throws ServerError 400, with the parameter, what was found and what was expected.
 */
function optionsOf(parameters: QuestionParameters, known: readonly string[]): object {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || ignorable.includes(key)) continue;
    if (!known.includes(key)) {
      throw new ServerError(
        400,
        `The parameter "${key.slice(0, 60)}" is unknown here; there are ${known.join(', ') || 'none'}.`,
      );
    }
    const range = numbers[key];
    if (range) {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const isWhole = range.least === 0 || Number.isInteger(number);
      if (
        typeof number !== 'number' ||
        !(number >= range.least && number <= range.most) ||
        !isWhole
      )
        throw wrong(key, value, `a number from ${range.least} to ${range.most}`);
      options[range.name] = number;
    } else {
      if (![true, false, 'true', 'false'].includes(value as string | boolean))
        throw wrong(key, value, 'true or false');
      options[flags[key] as string] = String(value) === 'true';
    }
  }
  return options;
}

function wrong(key: string, value: unknown, expected: string): ServerError {
  const found = shown(value, 60);
  return new ServerError(400, `The parameter "${key}" is ${found}; it takes ${expected}.`);
}

/** A face that calls one method. */
function face(kind: TaskFace['kind'], method: keyof Methods, known: readonly string[]): TaskFace {
  return {
    kind,
    async ask(model, question, parameters, treatment) {
      const call = (model as unknown as Partial<Methods>)[method];
      if (typeof call !== 'function') {
        throw new ServerError(501, `Models of the task "${model.task}" have no ${method}() here.`);
      }
      const options = { ...optionsOf(parameters, known), ...treatment };
      return call.call(model, sourceOf(question), options);
    },
  };
}

function sourceOf(question: Question): unknown {
  // A sound's media type says how to decode it.
  if ('blob' in question) return (question.kind === 'image' && question.bytes) || question.blob;
  if ('rows' in question) return question.rows;
  const { texts } = question;
  return texts.length === 1 ? texts[0] : texts;
}

const faces: Readonly<Record<string, TaskFace>> = {
  'image-classification': face('image', 'classify', ['top_k', 'threshold']),
  'image-embedding': face('image', 'embed', ['normalize']),
  'object-detection': face('image', 'detect', ['top_k', 'threshold']),
  'image-segmentation': face('image', 'segment', ['threshold']),
  'audio-classification': face('audio', 'classify', ['top_k', 'threshold']),
  'text-classification': face('text', 'classify', ['top_k', 'threshold']),
  'text-embedding': face('text', 'embed', ['normalize']),
  tabular: face('rows', 'predict', ['top_k']),
};

/** How models of a task are asked; `undefined` where only tensors are taken. */
export function faceOf(task: string): TaskFace | undefined {
  return Object.hasOwn(faces, task) ? faces[task] : undefined;
}

/** Whether a model's answers are vectors of texts. */
export function embedsTexts({ task }: ServableModel): boolean {
  return task === 'text-embedding';
}
