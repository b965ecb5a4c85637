/**
 * The worker's door. Only its own page holds its port, and even that may be of another version, or
 * have passed on what strangers gave it: nothing gets in that is not one of the calls of the
 * protocol, with arguments of its types.
 */
import type { Endpoint } from 'comlink';
import { TabserveError, toErrorRecord } from '../base/errors.js';
import {
  anything,
  boolean,
  byKind,
  type Check,
  list,
  madeBy,
  mapOf,
  nothing,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
  url,
  whole,
} from '../base/shape.js';
import type {
  AskRequest,
  EngineBinary,
  EvictRequest,
  LoadRequest,
  ProbeRequest,
  RunRequest,
  StartRequest,
  WorkerApi,
} from './protocol.js';

const id = whole();
const strings = list(string);
const blob = madeBy(Blob);

const model = byKind({
  name: { name: string, version: nullable(string), fileUrls: mapOf(string) },
  hub: { name: string },
  url: { url: string },
  files: { files: list(blob), processor: optional(oneOf('slow', 'fast')) },
  directory: { directory: record, processor: optional(oneOf('slow', 'fast')) },
  // What a manifest has to be is for the model room to say.
  manifest: { manifest: record, files: mapOf(blob), baseUrl: nullable(string) },
});

/** What a load is asked with; services that read models take the same. */
export const loadRequest = object({
  requestId: id,
  model,
  task: nullable(string),
  dtype: oneOf('auto', 'fp32', 'fp16', 'int8'),
  settings: record,
  mirrors: mapOf(strings),
  hubUrl: url,
  stallTimeout: number,
  lang: (value, at) => (typeof value === 'string' ? undefined : optional(strings)(value, at)),
  local: boolean,
  signedBy: optional(strings),
} satisfies Checks<LoadRequest>);

/** What each call takes. */
const parameters: Readonly<Record<string, Check>> = {
  start: object({
    device: oneOf('webgpu', 'wasm'),
    threads: whole(1, 64),
    wasmUrls: list(url, 1),
    restUrls: list(url),
    binary: nullable(
      object({
        module: madeBy(WebAssembly.Module),
        url: string,
        fallbacks: list(object({ from: string, to: string, reason: string })),
      } satisfies Checks<EngineBinary>),
    ),
    lockName: string,
    packs: list(url),
    page: madeBy(MessagePort),
  } satisfies Checks<StartRequest>),
  load: loadRequest,
  run: object({
    requestId: id,
    modelId: id,
    task: nullable(string),
    // What these have to be the task says.
    payload: anything,
    options: anything,
    timeLeft: nullable(number),
  } satisfies Checks<RunRequest>),
  probe: object({
    requestId: id,
    modelId: id,
    // One worker's outputs on their way to another.
    reference: nullable((value, at) =>
      value === 'self-test' ? undefined : list(record)(value, at),
    ),
    dtypes: list(oneOf('fp32', 'fp16', 'int8'), 1),
    isTimed: boolean,
  } satisfies Checks<ProbeRequest>),
  unload: id,
  // What the request has to be the service says.
  ask: object({ service: string, request: anything } satisfies Checks<AskRequest>),
  completeEngine: nothing,
  survey: nothing,
  evict: object({ sources: strings, files: strings } satisfies Checks<EvictRequest>),
  update: loadRequest,
  rollback: string,
  cancel: id,
  finish: nothing,
  ping: nothing,
} satisfies Checks<WorkerApi>;

/** A check for every field of a type. */
type Checks<T> = Readonly<Record<keyof T, Check>>;

/** A call, as comlink writes it. */
const call = object({
  id: string,
  type: oneOf('APPLY'),
  path: list(oneOf(...Object.keys(parameters)), 1, 1),
  argumentList: list(object({ type: oneOf('RAW') }), 0, 1),
});

/**
 * An endpoint for comlink that lets only well-formed calls through. comlink by itself would follow
 * any path of properties, to `constructor` and from there to code, and stumble over messages that it
 * did not write. A refused message that names its sender's call is answered with the error
 * `invalid-argument`; others are ignored.
 */
export function guarded(endpoint: Endpoint): Endpoint {
  return {
    postMessage: (message, transfer) => endpoint.postMessage(message, transfer ?? []),
    addEventListener: (type, listener) => {
      endpoint.addEventListener(type, (event) => {
        const { data } = event as MessageEvent<unknown>;
        const problem = problemOf(data);
        if (problem === undefined) {
          if (typeof listener === 'function') listener(event);
          else listener.handleEvent(event);
          return;
        }
        if (typeof data !== 'object' || data === null || !('id' in data)) return;
        const error = new TabserveError('invalid-argument', `The worker was asked ${problem}.`);
        const value = { error: toErrorRecord(error) };
        endpoint.postMessage({ id: data.id, type: 'RAW', value });
      });
    },
    removeEventListener: () => undefined,
  };
}

function problemOf(data: unknown): string | undefined {
  if (call(data, '') !== undefined) return 'for something that is not one of its calls';
  const { path, argumentList } = data as { path: [string]; argumentList: { value: unknown }[] };
  const [name] = path;
  const problem = parameters[name]?.(argumentList[0]?.value, '');
  return problem && `to ${name}, but ${problem}`;
}
