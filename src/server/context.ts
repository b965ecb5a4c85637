/** What the handlers of all protocols share. */
import type { Executor, Wishes } from './execution.js';
import { readBody } from './http/body.js';
import { ServerError } from './http/errors.js';
import type { Call } from './http/router.js';
import type { ModelVersion } from './model-version.js';
import type { RegisteredModel, Registry } from './registry.js';
import type { Explainer, TaskFace } from './servable.js';
import type { VersionStatistics } from './statistics.js';

/** The server, as its handlers see it. */
export interface ServerContext {
  readonly registry: Registry;
  readonly executor: Executor;
  /** The server's name, and tabserve's version. */
  readonly name: string;
  readonly version: string;
  /** Most bytes of a body. */
  readonly maxBodyBytes: number;
  /** Whether requests may load, unload, scale and unregister. */
  readonly management: boolean;
  statistics(version: ModelVersion): VersionStatistics;
  /** How a model is asked in its own terms; `undefined` where it only takes tensors. */
  face(task: string): TaskFace | undefined;
  /** Says why a model answers as it does; `null` where nobody can. */
  readonly explainer: Explainer | null;
}

/** The header that says how many milliseconds an answer may take. */
export const deadlineHeader = 'X-Request-Timeout-Ms';

/** When the server was given a request. */
const beginnings = new WeakMap<Request, number>();

/** Notes that a request has come, at the call or when another one did that it stands for. */
export function begin(request: Request, former?: Request): void {
  beginnings.set(request, (former && beginnings.get(former)) ?? performance.now());
}

/**
 * The body of a call, within the server's bound.
 *
 * @param unpacks - Whether it is decompressed; otherwise it stays as it was sent.
 */
export function bodyOf({ maxBodyBytes }: ServerContext, { request }: Call, unpacks = true) {
  return readBody(request, maxBodyBytes, unpacks);
}

/** The media type of a body, without its parameters. */
export function mediaType(headers: Headers): string {
  return (headers.get('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * What the request's headers wish.
 *
 * @throws ServerError 400 for a deadline that is no number.
 */
export function wishesOf({ request }: Call): Wishes {
  const text = request.headers.get(deadlineHeader);
  const timeout = text === null ? undefined : Number(text);
  if (timeout !== undefined && !(timeout > 0 && timeout < 2 ** 31)) {
    throw new ServerError(
      400,
      `${deadlineHeader} is ${JSON.stringify((text ?? '').slice(0, 40))}; it has to be a number of milliseconds, above 0 and below 2147483648.`,
    );
  }
  const began = beginnings.get(request) ?? performance.now();
  return { signal: request.signal, began, timeout };
}

/**
 * The model that a path names.
 *
 * @throws ServerError 404
 */
export function modelNamed({ registry }: ServerContext, name: string): RegisteredModel {
  const model = registry.find(name);
  if (model) return model;
  throw new ServerError(404, `Request for unknown model: '${name.slice(0, 200)}' is not found`);
}

/**
 * The version that a path names, or the default one; it may still have to be loaded.
 *
 * @throws ServerError 404
 */
export function versionNamed(
  context: ServerContext,
  name: string,
  wanted: string | undefined,
): ModelVersion {
  const model = modelNamed(context, name);
  const version = context.registry.version(name, wanted);
  if (!version) {
    const there = model.versions.map((each) => each.version).join(', ');
    throw new ServerError(
      404,
      `Request for unknown model: '${name}' version ${wanted?.slice(0, 200)} is not found; there are ${there}`,
    );
  }
  if (!version.isServed) {
    throw new ServerError(404, `Request for unknown model: '${name}' has no available versions`);
  }
  context.registry.touch(version);
  return version;
}

/** @throws ServerError 403 where requests may not manage models. */
export function needsManagement({ management }: ServerContext): void {
  if (management) return;
  throw new ServerError(403, 'This server does not let requests manage models ("management").');
}
