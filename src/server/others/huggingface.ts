/**
 * Hugging Face's inference API: `POST /models/{model}` with a picture, a sound, or
 * `{"inputs": …, "parameters": {…}}`, as its clients send it to an endpoint's address.
 */
import { bodyOf, mediaType, type ServerContext, versionNamed, wishesOf } from '../context.js';
import { json, writeError } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Call, Route } from '../http/router.js';
import {
  anyQuestionOf,
  askFace,
  mediaQuestionOf,
  noFace,
  questionOfJson,
  seemsRequest,
} from '../questions.js';
import type { Question, QuestionParameters, TaskFace } from '../servable.js';
import { isObject, type Json, parseJson, shown } from '../v2/json.js';

/** Its routes: with the task in the path too. */
export function huggingFaceRoutes(context: ServerContext): Route[] {
  return ['/models/{model}', '/pipeline/{task}/{model}'].map((path) => ({
    method: 'POST',
    path,
    handler: (call) => answer(context, call),
    writeError,
  }));
}

/** The hub's names of tasks, by ours where they differ. */
const hubTasks: Readonly<Record<string, readonly string[]>> = {
  'text-embedding': ['feature-extraction', 'sentence-similarity'],
  'image-embedding': ['image-feature-extraction', 'feature-extraction'],
};

async function answer(context: ServerContext, call: Call): Promise<Response> {
  const { model: name, task: wanted } = call.path;
  const version = versionNamed(context, name as string, undefined);
  return context.executor.run(version, wishesOf(call), async (execution) => {
    const { task } = execution.model;
    if (wanted !== undefined && wanted !== task && !hubTasks[task]?.includes(wanted)) {
      const asked = wanted.slice(0, 60);
      throw new ServerError(400, `The model "${name}" is for ${task}, not for ${asked}.`);
    }
    const face = context.face(task);
    if (!face) throw noFace(execution.model);
    const own = await mediaQuestionOf(face.kind, context, call);
    const { question, parameters, isList } = own
      ? { question: own, parameters: {}, isList: false }
      : read(face, call, await bodyOf(context, call));
    const result = await askFace(face, execution, question, parameters);
    return json(inHubForm(task, result, isList));
  });
}

interface Read {
  question: Question;
  parameters: QuestionParameters;
  /** Whether several texts were asked about. */
  isList: boolean;
}

function read({ kind }: TaskFace, { request }: Call, body: Uint8Array<ArrayBuffer>): Read {
  const isJson = mediaType(request.headers) === 'application/json' || seemsRequest(body);
  if (!isJson) {
    return { question: anyQuestionOf(kind, request.headers, body), parameters: {}, isList: false };
  }
  const value = parseJson(body);
  if (!isObject(value) || value.inputs === undefined)
    throw new ServerError(400, `The body is ${shown(value)}; it has to be {"inputs": …}.`);
  const { inputs, parameters = {} } = value;
  if (!isObject(parameters))
    throw new ServerError(400, `"parameters" is ${shown(parameters)}; it has to be an object.`);
  return {
    question: questionOfJson(kind, inputs),
    parameters,
    isList: Array.isArray(inputs),
  };
}

interface Labelled {
  label: string;
  score: number;
  box?: { x: number; y: number; width: number; height: number };
}

/** The answer as Hugging Face's API gives it. */
function inHubForm(task: string, result: unknown, isList: boolean): unknown {
  switch (task) {
    case 'image-classification':
    case 'audio-classification':
      return (result as Labelled[]).map(labelled);
    case 'text-classification':
      // Of one text too there is a list of lists.
      return isList && Array.isArray((result as unknown[])[0])
        ? (result as Labelled[][]).map((each) => each.map(labelled))
        : [(result as Labelled[]).map(labelled)];
    case 'object-detection':
      return (result as Labelled[]).map(({ label, score, box }) => ({
        label,
        score,
        box: box && {
          xmin: Math.round(box.x),
          ymin: Math.round(box.y),
          xmax: Math.round(box.x + box.width),
          ymax: Math.round(box.y + box.height),
        },
      }));
    case 'text-embedding':
      return isList && ArrayBuffer.isView(result) ? [result] : result;
    default:
      return result as Json;
  }
}

function labelled({ label, score }: Labelled): Pick<Labelled, 'label' | 'score'> {
  return { label, score };
}
