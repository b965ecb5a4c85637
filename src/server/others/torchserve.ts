/** TorchServe's inference and management calls. */
import {
  bodyOf,
  mediaType,
  modelNamed,
  needsManagement,
  type ServerContext,
  versionNamed,
  wishesOf,
} from '../context.js';
import { json } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Call, ErrorWriter, Handler, Route } from '../http/router.js';
import type { ModelVersion } from '../model-version.js';
import { anyQuestionOf, askFace, mediaQuestionOf, noFace, questionOfJson } from '../questions.js';
import type { Question, TaskFace } from '../servable.js';
import { isObject, type Json, parseJson } from '../v2/json.js';

/** Most workers of a model. */
const maxWorkers = 16;

/** Its routes. */
export function torchServeRoutes(context: ServerContext): Route[] {
  const on = (method: string, path: string, handler: Handler): Route => ({
    method,
    path,
    handler,
    writeError,
  });
  const predictions = ['POST', 'PUT'].flatMap((method) =>
    ['/predictions/{model}', '/predictions/{model}/{version}'].map((path) =>
      on(method, path, (call) => predict(context, call)),
    ),
  );
  const explanations = ['/explanations/{model}', '/explanations/{model}/{version}'].map((path) =>
    on('POST', path, (call) => explain(context, call)),
  );
  return [
    ...predictions,
    ...explanations,
    on('GET', '/ping', () => json({ status: 'Healthy' })),
    on('GET', '/models', (call) => list(context, call)),
    on('GET', '/models/{model}', (call) => json(describe(context, call))),
    on('GET', '/models/{model}/{version}', (call) => json(describe(context, call))),
    on('PUT', '/models/{model}', (call) => scale(context, call)),
    on('PUT', '/models/{model}/{version}', (call) => scale(context, call)),
    on('PUT', '/models/{model}/{version}/set-default', (call) => setDefault(context, call)),
    on('POST', '/models', () => {
      needsManagement(context);
      throw new ServerError(501, 'Models are registered by the page that holds them.');
    }),
    on('DELETE', '/models/{model}', (call) => unregister(context, call)),
    on('DELETE', '/models/{model}/{version}', (call) => unregister(context, call)),
  ];
}

async function predict(context: ServerContext, call: Call): Promise<Response> {
  const { model: name = '', version: wanted } = call.path;
  const version = versionNamed(context, name, wanted);
  return context.executor.run(version, wishesOf(call), async (execution) => {
    const { task } = execution.model;
    const face = context.face(task);
    if (!face) throw noFace(execution.model);
    const own = await mediaQuestionOf(face.kind, context, call);
    const question = own ?? (await read(face, call, await bodyOf(context, call)));
    return json(inTorchServeForm(task, await askFace(face, execution, question)));
  });
}

async function explain(context: ServerContext, call: Call): Promise<Response> {
  const { model: name = '', version: wanted } = call.path;
  const version = versionNamed(context, name, wanted);
  const { explainer } = context;
  if (!explainer) {
    const message = `There is no explainer for "${name}". Give the server one: new ModelServer({ explainer }).`;
    throw new ServerError(501, message);
  }
  return context.executor.run(version, wishesOf(call), async ({ model, ask }) => {
    const face = context.face(model.task);
    if (!face) throw noFace(model);
    const own = await mediaQuestionOf(face.kind, context, call);
    const question = own ?? (await read(face, call, await bodyOf(context, call)));
    const parameters = Object.fromEntries(call.url.searchParams);
    const answer = await ask({ items: 1, question }, (treatment) =>
      explainer(model, question, parameters, treatment),
    );
    return json(answer);
  });
}

/** The body itself, the field `data` of a form, or JSON. */
async function read(
  { kind }: TaskFace,
  { request }: Call,
  body: Uint8Array<ArrayBuffer>,
): Promise<Question> {
  const type = mediaType(request.headers);
  if (type === 'multipart/form-data') {
    const form = await new Response(body, {
      headers: { 'Content-Type': request.headers.get('Content-Type') ?? '' },
    })
      .formData()
      .catch((cause: unknown) => {
        throw new ServerError(400, 'The body is not a form.', { cause });
      });
    const data = form.get('data') ?? form.get('body');
    if (data === null) throw new ServerError(400, 'The form has no field "data".');
    if (typeof data === 'string') return questionOfJson(kind, data);
    const bytes = new Uint8Array(await data.arrayBuffer());
    return anyQuestionOf(kind, new Headers({ 'Content-Type': data.type }), bytes);
  }
  if (type === 'application/json' || kind === 'rows') {
    const value = parseJson(body);
    const inner = isObject(value) ? (value.data ?? value.body ?? value.instances ?? value) : value;
    return questionOfJson(kind, inner);
  }
  return anyQuestionOf(kind, request.headers, body);
}

interface Labelled {
  label: string;
  score: number;
  box?: { x: number; y: number; width: number; height: number };
}

/** As TorchServe's own handlers answer: scores by label; boxes as corners. */
function inTorchServeForm(task: string, answer: unknown): unknown {
  switch (task) {
    case 'image-classification':
    case 'audio-classification':
    case 'text-classification':
      return Object.fromEntries((answer as Labelled[]).map(({ label, score }) => [label, score]));
    case 'object-detection':
      return (answer as Labelled[]).map(({ label, score, box }) => ({
        [label]: box && [box.x, box.y, box.x + box.width, box.y + box.height],
        score,
      }));
    default:
      return answer as Json;
  }
}

function list({ registry }: ServerContext, { url }: Call): Response {
  const limit = wholeOf(url, 'limit', 1, 1000) ?? 100;
  const start = wholeOf(url, 'next_page_token', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const all = registry.list();
  const end = start + limit;
  return json({
    ...(end < all.length && { nextPageToken: String(end) }),
    models: all.slice(start, end).map(({ name, defaultVersion }) => ({
      modelName: name,
      modelUrl: registry.version(name, defaultVersion)?.model?.info.model.name ?? name,
    })),
  });
}

function describe(context: ServerContext, { path }: Call): object[] {
  return chosen(context, path, path.version === undefined).map((version) => {
    const { model, name, state, inFlight } = version;
    const workers = model ? (version.workers ?? 1) : 0;
    return {
      modelName: name,
      modelVersion: version.version,
      modelUrl: model?.info.model.name ?? name,
      runtime: 'onnxruntime-web',
      minWorkers: workers,
      maxWorkers: workers,
      batchSize: 1,
      maxBatchDelay: 0,
      loadedAtStartup: false,
      jobQueueStatus: { pendingRequests: inFlight },
      workers: Array.from({ length: workers }, (_, index) => ({
        id: String(index),
        startTime: new Date(version.since).toISOString(),
        status: state,
        gpu: model?.info.device === 'webgpu',
        memoryUsage: version.held,
      })),
    };
  });
}

/** The versions that a path means: one, all, or the default one. */
function chosen(
  context: ServerContext,
  { model = '', version }: Readonly<Record<string, string>>,
  isDefault: boolean,
): readonly ModelVersion[] {
  const { versions, defaultVersion } = modelNamed(context, model);
  if (version === 'all') return versions;
  const wanted = isDefault ? defaultVersion : version;
  const found = versions.filter((each) => each.version === wanted);
  if (found.length > 0) return found;
  throw new ServerError(
    404,
    `Model version: ${version?.slice(0, 100)} does not exist for model: ${model}`,
  );
}

async function scale(context: ServerContext, { path, url }: Call): Promise<Response> {
  needsManagement(context);
  const [version] = chosen(context, path, path.version === undefined);
  const workers = wholeOf(url, 'min_worker', 0, maxWorkers) ?? 1;
  if (!version) throw new ServerError(404, 'Not Found');
  if (workers > 0 && !version.isLoadable) {
    throw new ServerError(
      409,
      `The model "${version.name}" was registered as an object, and cannot be loaded again.`,
    );
  }
  const scaling =
    workers === 0 ? version.unload('scaled to no workers', true) : version.scale(workers);
  if (url.searchParams.get('synchronous') === 'true') {
    await scaling;
    return json({ status: `Workers scaled to ${workers} for model: ${version.name}` });
  }
  // Its failure is told by the version's state.
  scaling.catch(() => undefined);
  return json({ status: 'Processing worker updates...' }, 202);
}

function setDefault(context: ServerContext, { path }: Call): Response {
  needsManagement(context);
  const [version] = chosen(context, path, false);
  if (!version) throw new ServerError(404, 'Not Found');
  context.registry.setDefault(version.name, version.version);
  return json({
    status: `Default version successfully updated for model "${version.name}" to "${version.version}"`,
  });
}

async function unregister(context: ServerContext, { path }: Call): Promise<Response> {
  needsManagement(context);
  for (const each of chosen(context, path, path.version === undefined))
    await context.registry.unregister(each.name, each.version);
  return json({ status: `Model "${path.model}" unregistered` });
}

/** A whole number of the query. @throws ServerError 400 */
function wholeOf({ searchParams }: URL, name: string, least: number, most: number) {
  const text = searchParams.get(name);
  if (text === null) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new ServerError(
    400,
    `"${name}" is ${JSON.stringify(text.slice(0, 40))}; it has to be a whole number from ${least} to ${most}.`,
  );
}

/** TorchServe's names of errors, by status. */
const types: Readonly<Record<number, string>> = {
  400: 'BadRequestException',
  403: 'ForbiddenException',
  404: 'ModelNotFoundException',
  405: 'MethodNotAllowedException',
  409: 'ConflictStatusException',
  413: 'RequestEntityTooLargeException',
  429: 'ServiceUnavailableException',
  501: 'NotImplementedException',
  503: 'ServiceUnavailableException',
};

const writeError: ErrorWriter = ({ status, message, headers }) =>
  json({ code: status, type: types[status] ?? 'InternalServerException', message }, status, {
    ...headers,
  });
