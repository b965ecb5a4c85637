/** The model repository extension: what there is, loaded and unloaded by requests. */
import { isTabserveError, messageOf } from '../../base/errors.js';
import { bodyOf, modelNamed, needsManagement, type ServerContext } from '../context.js';
import { json } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Call, Handler, Route } from '../http/router.js';
import { isObject, type Json, parseJson, shown } from './json.js';

/** Its routes. */
export function repositoryRoutes(
  context: ServerContext,
  on: (method: string, path: string, handler: Handler) => Route,
): Route[] {
  // A repository's name tells nothing: there is one.
  return ['/v2/repository', '/v2/repository/{repository}'].flatMap((base) => [
    on('POST', `${base}/index`, (call) => index(context, call)),
    on('POST', `${base}/models/{model}/load`, (call) => load(context, call)),
    on('POST', `${base}/models/{model}/unload`, (call) => unload(context, call)),
  ]);
}

async function index(context: ServerContext, call: Call): Promise<Response> {
  const { ready = false } = await managementBody(context, call);
  if (typeof ready !== 'boolean')
    throw new ServerError(400, `"ready" is ${shown(ready)}; it has to be true or false.`);
  const versions = context.registry.list().flatMap((model) => model.versions);
  return json(
    versions
      .filter(({ state }) => !ready || state === 'READY')
      .map(({ name, version, state, reason }) => ({
        name,
        version,
        state,
        ...(reason && { reason }),
      })),
  );
}

async function load(context: ServerContext, call: Call): Promise<Response> {
  needsManagement(context);
  const { parameters = {} } = await managementBody(context, call);
  const { versions } = modelNamed(context, call.path.model as string);
  const config = configIn(parameters);
  try {
    await Promise.all(versions.map((each) => each.load()));
  } catch (cause) {
    // A model that came loaded cannot be loaded again.
    const status = isTabserveError(cause, 'unsupported') ? 409 : 500;
    throw new ServerError(status, `failed to load '${call.path.model}': ${messageOf(cause)}`, {
      cause,
    });
  }
  if (config) for (const each of versions) each.config = config;
  return new Response(null, { headers: { 'Content-Type': 'application/json' } });
}

/**
 * The configuration that a load was given. It is shown from then on; how the model runs is its
 * loader's business.
 */
function configIn(parameters: Json): Readonly<Record<string, Json>> | null {
  if (!isObject(parameters))
    throw new ServerError(400, `"parameters" is ${shown(parameters)}; it has to be an object.`);
  const files = Object.keys(parameters).filter((name) => name.startsWith('file:'));
  if (files.length > 0) {
    throw new ServerError(
      400,
      `The parameter "${files[0]?.slice(0, 100)}" brings a model's file; models are registered by the page that holds them.`,
    );
  }
  const { config } = parameters;
  if (config === undefined) return null;
  const value =
    typeof config === 'string'
      ? parseJson(new TextEncoder().encode(config), 'The parameter "config"')
      : config;
  if (!isObject(value))
    throw new ServerError(
      400,
      `The parameter "config" is ${shown(value)}; it has to be an object, as JSON.`,
    );
  return value;
}

async function unload(context: ServerContext, call: Call): Promise<Response> {
  needsManagement(context);
  // Models here have no dependents, so that `unload_dependents` says nothing.
  await managementBody(context, call);
  const { versions } = modelNamed(context, call.path.model as string);
  await Promise.all(versions.map((each) => each.unload('unloaded', true)));
  return new Response(null, { headers: { 'Content-Type': 'application/json' } });
}

/** The JSON object of a call's body; an empty body is an empty object. */
async function managementBody(
  context: ServerContext,
  call: Call,
): Promise<Readonly<Record<string, Json>>> {
  const bytes = await bodyOf(context, call);
  if (bytes.length === 0) return {};
  const value = parseJson(bytes);
  if (!isObject(value))
    throw new ServerError(400, `The body is ${shown(value)}; it has to be an object, or empty.`);
  return value;
}
