/**
 * The worker's door. Only its own page holds its port, and even that may be of another version, or
 * have passed on what strangers gave it: nothing gets in that is not one of the calls of the
 * protocol, with arguments of its types.
 */
import type { Endpoint } from 'comlink';
import * as v from 'valibot';
import { TabserveError, toErrorRecord } from '../errors.js';
import type { ClassifyRequest, LoadRequest, StartRequest, WorkerApi } from './protocol.js';

const id = v.pipe(v.number(), v.integer());
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const coordinate = v.pipe(v.number(), v.integer(), v.minValue(0));
const strings = v.array(v.string());

const startRequest = v.object({
  device: v.picklist(['webgpu', 'wasm'] as const),
  threads: v.pipe(count, v.maxValue(64)),
  wasmUrls: v.pipe(v.array(v.pipe(v.string(), v.url())), v.minLength(1)),
  binary: v.nullable(
    v.object({
      module: v.instance(WebAssembly.Module),
      url: v.string(),
      fallbacks: v.array(v.object({ from: v.string(), to: v.string(), reason: v.string() })),
    }),
  ),
  lockName: v.string(),
  page: v.instance(MessagePort),
});

const blobs = v.instance(Blob);

const model = v.variant('kind', [
  v.object({
    kind: v.literal('name'),
    name: v.string(),
    version: v.nullable(v.string()),
    fileUrls: v.record(v.string(), v.string()),
  }),
  v.object({ kind: v.literal('hub'), name: v.string() }),
  v.object({ kind: v.literal('url'), url: v.string() }),
  v.object({ kind: v.literal('files'), files: v.array(blobs) }),
  v.object({ kind: v.literal('directory'), directory: v.looseObject({}) }),
  v.object({
    kind: v.literal('manifest'),
    // What it has to be is for the model room to say.
    manifest: v.looseObject({}),
    files: v.record(v.string(), blobs),
    baseUrl: v.nullable(v.string()),
  }),
]);

const loadRequest = v.object({
  requestId: id,
  model,
  dtype: v.picklist(['auto', 'fp32', 'fp16', 'int8'] as const),
  preprocessing: v.picklist(['auto', 'cpu', 'gpu'] as const),
  maxPixels: count,
  mirrors: v.record(v.string(), strings),
  hubUrl: v.pipe(v.string(), v.url()),
  stallTimeout: v.number(),
  local: v.boolean(),
}) satisfies v.GenericSchema<unknown, Omit<LoadRequest, 'model'>>;

const pixels = v.pipe(
  v.object({
    data: v.union([v.instance(Uint8Array), v.instance(Uint8ClampedArray)]),
    width: count,
    height: count,
    channels: v.literal(4),
  }),
  v.check(({ data, width, height }) => data.length === width * height * 4),
);

const image = v.variant('kind', [
  v.object({ kind: v.literal('blob'), blob: v.instance(Blob) }),
  v.object({ kind: v.literal('url'), url: v.string() }),
  v.object({ kind: v.literal('bitmap'), bitmap: v.instance(ImageBitmap) }),
  v.object({ kind: v.literal('pixels'), pixels }),
  // Not every browser has the class.
  v.object({ kind: v.literal('frame'), frame: v.custom<VideoFrame>(isFrame) }),
]);

const classifyRequest = v.object({
  requestId: id,
  modelId: id,
  image,
  crop: v.nullable(
    v.object({ x: coordinate, y: coordinate, width: coordinate, height: coordinate }),
  ),
  quality: v.picklist(['exact', 'fast'] as const),
  topK: count,
  threshold: v.number(),
  allow: v.nullable(strings),
  deny: v.nullable(strings),
  timeLeft: v.nullable(v.number()),
});

/** What each call takes. */
const parameters = {
  start: startRequest satisfies v.GenericSchema<unknown, StartRequest>,
  load: loadRequest,
  classify: classifyRequest satisfies v.GenericSchema<unknown, ClassifyRequest>,
  measure: v.object({ requestId: id, modelId: id }),
  unload: id,
  survey: v.null(),
  evict: v.object({ sources: strings, files: strings }),
  update: loadRequest,
  rollback: v.string(),
  cancel: id,
  finish: v.null(),
  ping: v.undefined(),
} as const satisfies Record<keyof WorkerApi, v.GenericSchema>;

/** A call, as comlink writes it. */
const call = v.object({
  id: v.string(),
  type: v.literal('APPLY'),
  path: v.tuple([v.picklist(Object.keys(parameters) as (keyof WorkerApi)[])]),
  argumentList: v.pipe(
    v.array(v.object({ type: v.literal('RAW'), value: v.unknown() })),
    v.maxLength(1),
  ),
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
  const message = v.safeParse(call, data, { abortEarly: true });
  if (!message.success) return 'for something that is not one of its calls';
  const { path, argumentList } = message.output;
  const [name] = path;
  const argument = v.safeParse(parameters[name], argumentList[0]?.value, { abortEarly: true });
  if (argument.success) return undefined;
  const [issue] = argument.issues;
  const field = v.getDotPath(issue) ?? 'the argument';
  return `to ${name}, but "${field}" is ${issue.received} where it has to be ${issue.expected ?? 'another'}`;
}

function isFrame(value: unknown): boolean {
  return typeof VideoFrame === 'function' && value instanceof VideoFrame;
}
