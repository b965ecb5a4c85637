/** The Open Inference Protocol V2, with Triton's extensions, as routes. */
import {
  begin,
  bodyOf,
  mediaType,
  modelNamed,
  type ServerContext,
  versionNamed,
  wishesOf,
} from '../context.js';
import type { Execution, Wishes } from '../execution.js';
import { compressed, holdBody, json, writeError } from '../http/body.js';
import { asServerError, ServerError } from '../http/errors.js';
import type { Call, Handler, Route } from '../http/router.js';
import type { ModelVersion } from '../model-version.js';
import { askFace, mediaQuestionOf, seemsRequest, textOf } from '../questions.js';
import type { Question } from '../servable.js';
import { configOf, metadataOf } from './describe.js';
import { readInferRequest, splitBody } from './infer-request.js';
import { writeInferResponse } from './infer-response.js';
import { repositoryRoutes } from './repository.js';
import { statisticsOf } from './statistics.js';
import { unavailableRoutes } from './unavailable.js';

/** The extensions that are answered, by the protocol's names. */
const extensions = [
  'classification',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
];

/** All routes below `/v2`. */
export function v2Routes(context: ServerContext): Route[] {
  const on = (method: string, path: string, handler: Handler): Route => ({
    method,
    path,
    handler,
    writeError,
  });
  /** With and without a version in the path. */
  const onVersions = (method: string, path: string, handler: Handler): Route[] => [
    on(method, `/v2/models/{model}${path}`, handler),
    on(method, `/v2/models/{model}/versions/{version}${path}`, handler),
  ];
  return [
    on('GET', '/v2/health/live', () => json({ live: true })),
    on('GET', '/v2/health/ready', () => ready(context)),
    on('GET', '/v2', () => json({ name: context.name, version: context.version, extensions })),
    ...onVersions('GET', '', (call) => described(context, call, metadataOf)),
    ...onVersions('GET', '/ready', (call) => modelReady(context, call)),
    ...onVersions('GET', '/config', (call) => described(context, call, configOf)),
    ...onVersions('GET', '/stats', (call) => json(statisticsOf(context, call.path))),
    on('GET', '/v2/models/stats', () => json(statisticsOf(context, {}))),
    // Only these, as Triton: its asynchronous client accepts gzip of all, and unpacks it of these.
    ...onVersions('POST', '/infer', async (call) =>
      compressed(await infer(context, call), call.request),
    ),
    ...repositoryRoutes(context, on),
    ...unavailableRoutes(on),
  ];
}

function ready({ registry }: ServerContext): Response {
  const isReady = registry
    .list()
    .every(({ versions }) => versions.every(({ state }) => state !== 'LOADING'));
  return json({ ready: isReady }, isReady ? 200 : 503);
}

function modelReady({ registry }: ServerContext, { path }: Call): Response {
  const version = registry.version(path.model as string, path.version);
  if (version?.state !== 'READY') {
    const what = version ? `${version.state} ${version.reason}`.trim() : 'there is none';
    throw new ServerError(400, `Model version not ready: ${what}`);
  }
  return json({ name: path.model, ready: true });
}

/** What describes a model needs it loaded: only its graph knows. */
function described(
  context: ServerContext,
  call: Call,
  describe: typeof metadataOf,
): Promise<Response> {
  const registered = modelNamed(context, call.path.model as string);
  const version = versionNamed(context, registered.name, call.path.version);
  return version.use(
    async (model) => json(describe(registered, version, model)),
    call.request.signal,
  );
}

async function infer(context: ServerContext, call: Call): Promise<Response> {
  const { path, request } = call;
  const { signal, headers } = request;
  const version = versionNamed(context, path.model as string, path.version);
  const { fallback } = version;
  const wishes = wishesOf(call);
  // What a picture is, no other server of the protocol knows.
  const isMedia = /^(image|audio|video)\//.test(mediaType(request.headers));
  if (!fallback || isMedia) return inferHere(context, call, version, wishes);
  const body = await bodyOf(context, call, false);
  const here = { ...call, request: rebuilt(request, body) };
  const timeout = fallback.shareOf(wishes.timeout);
  try {
    return await inferHere(context, here, version, { ...wishes, timeout });
  } catch (thrown) {
    const error = asServerError(thrown, request.signal);
    const reason = fallback.reasonOf(error);
    const isTensors = headers.has('Content-Encoding') || body[0] === openingBrace;
    if (reason === null || !isTensors) throw error;
    const left = wishes.timeout && wishes.began + wishes.timeout - performance.now();
    return fallback.ask(body, headers, { reason, error, signal, left });
  }
}

const openingBrace = 0x7b;

/** The same request, with its body as it is kept. */
function rebuilt(request: Request, body: Uint8Array<ArrayBuffer>): Request {
  const { url, method, signal, headers } = request;
  const copy = new Request(url, { method, signal });
  Object.defineProperty(copy, 'headers', { value: headers });
  holdBody(copy, body);
  begin(copy, request);
  return copy;
}

async function inferHere(
  context: ServerContext,
  call: Call,
  version: ModelVersion,
  wishes: Wishes,
): Promise<Response> {
  const { request, url } = call;
  const { name } = version;
  return context.executor.run(version, wishes, async (execution) => {
    const { model } = execution;
    // What the body has to be only the model knows.
    const face = context.face(model.task);
    const answered = async (question: Question) => {
      const parameters = Object.fromEntries(url.searchParams);
      const result = await askFace(face, execution, question, parameters);
      const { task } = model;
      return json({ model_name: name, model_version: version.version, task, result });
    };
    const media = face && (await mediaQuestionOf(face.kind, context, call));
    if (media) return answered(media);
    const body = await bodyOf(context, call);
    const isText = face?.kind === 'text' && mediaType(request.headers) === 'text/plain';
    const isBinary = request.headers.has('Inference-Header-Content-Length');
    if (isText && !isBinary && !seemsRequest(body))
      return answered({ kind: 'text', texts: [textOf(body)] });
    return inferTensors(execution, request, body, name, version.version);
  });
}

async function inferTensors(
  { model, ask }: Execution,
  request: Request,
  body: Uint8Array,
  name: string,
  version: string,
): Promise<Response> {
  const { inputs, outputs } = model.graph;
  const parts = splitBody(body, request.headers.get('Inference-Header-Content-Length'));
  const asked = readInferRequest(parts, name, inputs, outputs);
  const { tensors, timeout, priority } = asked;
  const items = Object.values(tensors)[0]?.dims[0] ?? 1;
  const wanted = asked.outputs?.map((each) => each.name);
  const answer = await ask({ items, timeout, priority }, (treatment) =>
    model.infer(tensors, { ...treatment, ...(wanted && { outputs: [...new Set(wanted)] }) }),
  );
  const labels = model.info.model.labels ?? [];
  const names = outputs.map((each) => each.name);
  return writeInferResponse(asked, { model: name, version, labels, outputs: names }, answer);
}
