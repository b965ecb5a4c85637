/** ONNX Runtime in this worker: its WebAssembly binary, its GPU device, and how they fail. */
import type * as Ort from 'onnxruntime-web';
import { asTabserveError, isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { ortVersion } from '../base/version.js';
import { startDigest } from '../model/digest.js';
import { obtain } from '../model/obtain.js';
import { operatorsOf } from '../model/onnx/operators.js';
import { firstOf } from '../model/places.js';
import type { DeviceAbilities } from '../model/select.js';
import { openStore } from '../model/store/open.js';
import type { ProgressListener } from '../wire/progress.js';
import type { EngineBinary, StartRequest } from '../wire/protocol.js';
import { isWasm, ModuleCompiler, withModule } from './engine-module.js';
import {
  type EngineRest,
  expectedRest,
  expectRest,
  isFirstPart,
  isGzip,
  isWhole,
  roomFor,
  takeRest,
  wasRestMissed,
} from './engine-parts.js';

/** The engine's API, the same for each of its builds. */
export type OrtModule = Pick<typeof Ort, 'env' | 'InferenceSession' | 'Tensor'>;

/** An engine that can create sessions. */
export interface Backend {
  ort: OrtModule;
  abilities: DeviceAbilities;
  executionProviders: Ort.InferenceSession.ExecutionProviderConfig[];
  /** The GPU in words, or `null` on WASM. */
  adapter: string | null;
  /** The GPU that the engine uses; `null` on WASM. */
  gpu: { device: GPUDevice; isSoftware: boolean } | null;
  /** What was replaced to start it. */
  fallbacks: readonly Fallback[];
}

/** An engine that was started here. */
export interface StartedBackend extends Backend {
  /** Settles once its binary is in the store. */
  kept: Promise<unknown>;
}

/**
 * A model of one Identity node, 67 bytes (`onnx.helper.make_model`, opset 13).
 *
 * ONNX Runtime compiles its binary when the first session is created; this one lets that happen
 * while the real model is still on its way.
 */
export function identityModel(): Uint8Array {
  const model =
    'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';
  return Uint8Array.from(atob(model), (char) => char.charCodeAt(0));
}

/**
 * The engine's binaries, by file name. `….wasm` is as ONNX Runtime's package has it, `….wasm.gz` what
 * tabserve's own folder has of it first, unpacked, and `….rest.wasm.gz` the rest. The build puts it in.
 */
declare const __ORT_BINARIES__: Readonly<Record<string, { bytes: number; sha256: string }>>;

/** Operators that the first part of the engine computes; `null` where it is in one piece. */
declare const __ENGINE_OPERATORS__: readonly string[] | null;

/** Whether this script's build of the engine computes on a GPU. The build puts it in. */
declare const __ENGINE_HAS_GPU__: boolean;

/**
 * Starts ONNX Runtime: fetches its binary, compiles it meanwhile, and opens the GPU where one is
 * wanted.
 *
 * The binary is fetched here and not by ONNX Runtime because a failed load inside it cannot be
 * repeated, shows no progress, does not say what the server sent instead, and checks nothing.
 *
 * @throws TabserveError `network`, `model-not-found`, `unsupported`, `out-of-memory`.
 */
export async function startBackend(
  ort: OrtModule,
  request: Pick<StartRequest, 'device' | 'threads' | 'wasmUrls' | 'restUrls' | 'binary'>,
  options: {
    onProgress: ProgressListener;
    /** Is given the binary if it had to be loaded. */
    onBinary: (binary: EngineBinary) => void;
    onDeviceLost: (reason: string) => void;
    /** Settles when there is time to put the binary into the store. */
    keepAfter: Promise<unknown>;
    /**
     * Settles when servers and disks have been asked for the model: starting the engine keeps this
     * thread busy, and they can work meanwhile. Is not waited for long.
     */
    asked: Promise<unknown>;
    /** See {@link completeEngine}. */
    isOwn: boolean;
  },
): Promise<StartedBackend> {
  const isGpu = __ENGINE_HAS_GPU__ && request.device === 'webgpu';
  const gpu = isGpu ? openGpu(options.onDeviceLost) : undefined;
  // Without this, a GPU that cannot be opened while the binary loads is an unhandled rejection.
  gpu?.catch(() => undefined);
  const { binary, kept } = request.binary
    ? { binary: request.binary, kept: Promise.resolve() }
    : await loadBinary(request.wasmUrls, options);
  used = knownBinary(binaryName([binary.url]), binary.url)?.sha256;
  if (request.binary) options.onProgress(0, 0, 0);
  else options.onBinary(binary);
  const restOf = __ORT_BINARIES__[restName];
  if (restOf && isFirstPart(binary.module)) {
    const shared = request.threads > 1 ? roomFor(restOf.bytes) : null;
    expectRest({ urls: request.restUrls, sha256: restOf.sha256, shared });
    if (options.isOwn) void takeStoredRest();
  }
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = request.threads;
  const { device, adapter, fp16, isSoftware } = (await gpu) ?? noGpu;
  await Promise.race([options.asked, pause(longestWait)]);
  // What was asked in this moment has to leave this thread.
  await pause(0);
  try {
    await withModule(binary.module, async () => {
      const session = await ort.InferenceSession.create(identityModel(), {
        executionProviders: ['wasm'],
      });
      await session.release();
    });
  } catch (cause) {
    throw startError(cause, binary.url);
  }
  return {
    ort,
    abilities: { device: request.device, fp16 },
    executionProviders: device ? [{ name: 'webgpu', device }] : ['wasm'],
    adapter,
    gpu: device && { device, isSoftware },
    fallbacks: binary.fallbacks,
    kept,
  };
}

/** sha256 of the binary in use; `undefined` before it is known, and for one of somebody's own. */
let used: string | undefined;

/**
 * Says that the engine is in use: what is stored for other models is given up first when there is no
 * room, since without an engine none of them would run. Never rejects.
 */
export async function touchEngine(): Promise<void> {
  try {
    const { store } = await openStore();
    for (const sha256 of [used, expectedRest()?.sha256]) if (sha256) await store?.touch(sha256);
  } catch {
    // It may then be the first to go.
  }
}

/** Milliseconds that the engine waits for others to be asked. */
const longestWait = 150;

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** The rest of the build for WASM, which alone comes in two parts. */
const restName = 'ort-wasm-simd-threaded.rest.wasm.gz';

/**
 * Gets the rest of the engine, if there is one and a model has operators that need it.
 *
 * What is not foreseen here is fetched in the middle of a call; see `engine-parts.ts`.
 *
 * @param model - An `.onnx` file; `null` for any that may come, and then what was got is kept before this
 *   returns.
 * @param isOwn - Whether it is a model of somebody's own. It may need what its operators do not tell,
 *   without a network: what is in the store already is taken.
 * @param keepAfter - Settles when there is time to put it into the store.
 * @returns What was replaced to get it.
 * @throws TabserveError `network`, `model-not-found`, `integrity`.
 */
export async function completeEngine(
  model: Uint8Array | null,
  isOwn: boolean,
  keepAfter: Promise<unknown>,
): Promise<readonly Fallback[]> {
  const rest = expectedRest();
  if (!rest || isWhole()) return [];
  const known = new Set(__ENGINE_OPERATORS__);
  if (model && [...operatorsOf(model)].every((operator) => known.has(operator))) {
    if (isOwn) await takeStoredRest();
    return [];
  }
  const { binary, fallbacks, kept } = await loadRest(rest, keepAfter);
  await takeRest(binary);
  if (!model) await kept;
  return fallbacks;
}

let storedRest: Promise<void> | undefined;

/** Takes the rest of the engine if it is in the store. Looks for it once. Never rejects. */
function takeStoredRest(): Promise<void> {
  const take = async () => {
    const rest = expectedRest();
    if (!rest || isWhole()) return;
    const { store } = await openStore();
    const binary = await store?.read(rest.sha256);
    if (!binary || binary === 'corrupt') return;
    await takeRest(binary);
    await store?.touch(rest.sha256);
  };
  // Otherwise it is fetched like one that is not there.
  storedRest ??= take().catch(() => undefined);
  return storedRest;
}

/** Puts the rest of the engine into the store, if it had to be fetched past that. Never rejects. */
export async function keepRest(keepAfter: Promise<unknown>): Promise<void> {
  const rest = expectedRest();
  if (rest && wasRestMissed()) await loadRest(rest, keepAfter).catch(() => undefined);
}

async function loadRest({ urls, sha256 }: EngineRest, keepAfter: Promise<unknown>) {
  const { value, fallbacks } = await firstOf(urls, (url) => {
    const convert = async (served: Uint8Array<ArrayBuffer>) => {
      const binary = await unpacked(served);
      const digest = startDigest(binary.length);
      digest.update(binary);
      const found = await digest.finish(binary);
      if (found === sha256) return binary;
      throw otherBinary(url, `It has the sha256 ${found} and should have ${sha256}.`);
    };
    const { signal } = new AbortController();
    return obtain(url, { expected: { sha256 }, convert, keepAfter, signal });
  });
  return { binary: value.bytes, fallbacks: [...fallbacks, ...value.fallbacks], kept: value.kept };
}

/** What bundlers put into a file's name: `name-4f0a91c2.wasm`, `name.wasm-4f0a91c2.gz`. */
const bundlersHash = /[-.][\w-]{8,}(?=\.wasm$)|(?<=\.wasm)[-.][\w-]{8,}$/;

/** Which of the engine's binaries lies at one of these addresses. */
function binaryName(urls: readonly string[]): string | undefined {
  return urls
    .map((url) => new URL(url).pathname.split('/').at(-1) ?? '')
    .map((name) => name.replace(/\.gz$/, ''))
    .flatMap((name) => [name, name.replace(bundlersHash, '')])
    .find((each) => each in __ORT_BINARIES__);
}

/** What was built in about a binary. */
function knownBinary(name: string | undefined, url: string) {
  const isPacked = !new URL(url).pathname.endsWith('.wasm');
  return name === undefined ? undefined : __ORT_BINARIES__[isPacked ? `${name}.gz` : name];
}

async function loadBinary(
  urls: readonly string[],
  { onProgress, keepAfter }: { onProgress: ProgressListener; keepAfter: Promise<unknown> },
): Promise<{ binary: EngineBinary; kept: Promise<unknown> }> {
  const name = binaryName(urls);
  const { value, fallbacks } = await firstOf(urls, async (url, isFirst) => {
    const compiler = new ModuleCompiler();
    const known = knownBinary(name, url);
    // Their own copy of ONNX Runtime's file, in one piece, does as well.
    const sizes = known && name !== undefined ? [known, __ORT_BINARIES__[name] ?? known] : [];
    // What others host has to be what was built in, bit for bit. What the page's author hosts may
    // be compressed. Either is kept in the store, so that a model from there needs no network.
    const convert = async (served: Uint8Array<ArrayBuffer>) => {
      const binary = await unpacked(served);
      checkBinary(binary, url, sizes);
      return binary;
    };
    const { bytes, kept } = await obtain(url, {
      expected: known && { sha256: known.sha256, ...(!isFirst && { bytes: known.bytes }) },
      ...(isFirst && { convert }),
      onChunk: (...chunk) => compiler.take(...chunk),
      keepAfter,
      // Shared by all models of this worker, so that no single load's abort may end it.
      signal: new AbortController().signal,
      onProgress: (loaded, total, cached) =>
        onProgress(
          loaded,
          // A host that compresses on the way names no size.
          Math.max(Number.isFinite(total) ? total : (known?.bytes ?? total), loaded),
          cached,
        ),
    }).catch((cause: unknown) => {
      if (isTabserveError(cause) && cause.message.includes(whereToServe)) throw cause;
      if (isTabserveError(cause, 'integrity')) throw otherBinary(url, cause.message, cause);
      throw new TabserveError(
        'network',
        `ONNX Runtime's binary could not be loaded from ${url}: ${messageOf(cause)} ${whereToServe}`,
        { cause, details: { url } },
      );
    });
    checkBinary(bytes, url, sizes);
    return { compiler, bytes, url, kept };
  });
  const { compiler, bytes, url, kept } = value;
  try {
    return { binary: { module: await compiler.finish(bytes), url, fallbacks }, kept };
  } catch (cause) {
    throw startError(cause, url);
  }
}

/** Files that their server does not compress may lie there compressed. */
async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const whereToServe = 'Serve tabserve\'s "ort" folder there, or set the option wasmUrl.';

function checkBinary(binary: Uint8Array, url: string, sizes: readonly { bytes: number }[]): void {
  if (!isWasm(binary)) {
    const start = new TextDecoder().decode(binary.subarray(0, 60));
    throw new TabserveError(
      'network',
      `${url} is not a WebAssembly binary: it begins with ${JSON.stringify(start)}. Servers often answer a wrong address with their index page. ${whereToServe}`,
      { details: { url, firstBytes: start }, retryable: false },
    );
  }
  if (sizes.length === 0 || sizes.some(({ bytes }) => binary.length === bytes)) return;
  throw otherBinary(url, `It has ${binary.length} bytes and should have ${sizes[0]?.bytes}.`);
}

function otherBinary(url: string, found: string, cause?: unknown): TabserveError {
  return new TabserveError(
    'integrity',
    `${url} is cut off, or of a different version from the onnxruntime-web ${ortVersion} in this worker. ${found} ${whereToServe}`,
    { details: { url }, ...(cause !== undefined && { cause }) },
  );
}

function startError(cause: unknown, url: string): TabserveError {
  const message = messageOf(cause);
  if (/Content Security Policy|unsafe-eval/i.test(message)) {
    return new TabserveError(
      'unsupported',
      `The page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to script-src. (${message})`,
      { cause, details: { url, directive: 'script-src' } },
    );
  }
  if (isOutOfMemory(message)) {
    return new TabserveError(
      'out-of-memory',
      `ONNX Runtime could not get the memory it starts with: ${message}`,
      { cause },
    );
  }
  return new TabserveError('unsupported', `ONNX Runtime could not start: ${message}`, {
    cause,
    details: { url },
  });
}

/**
 * Whether an engine's message says that memory ran out. Where ONNX Runtime cannot get room for an
 * input, it writes to it all the same: `offset is out of bounds`.
 */
export function isOutOfMemory(message: string): boolean {
  return /bad_alloc|out of memory|could not allocate|failed to allocate|allocation failed|maximum memory size|offset is out of bounds/i.test(
    message,
  );
}

interface Gpu {
  device: GPUDevice;
  adapter: string;
  fp16: boolean;
  isSoftware: boolean;
}

const noGpu = { device: null, adapter: null, fp16: true, isSoftware: false };

/**
 * Opens a device of our own: ONNX Runtime's default one, once lost, is handed out again for ever.
 *
 * @throws TabserveError `unsupported`.
 */
async function openGpu(onLost: (reason: string) => void): Promise<Gpu> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new TabserveError(
      'unsupported',
      'WebGPU has no adapter in this worker. Use device "wasm", or "auto".',
    );
  }
  const fp16 = adapter.features.has('shader-f16');
  const optional: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
  const { limits } = adapter;
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredFeatures: optional.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
        maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
        maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
        maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
        // For large pictures.
        maxTextureDimension2D: limits.maxTextureDimension2D,
      },
    });
  } catch (cause) {
    throw asTabserveError(cause, 'unsupported', `WebGPU has no device: ${messageOf(cause)}`);
  }
  void device.lost.then((info) => onLost(info.message || info.reason));
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const words = [vendor, architecture, description].filter((word) => word !== '');
  return { device, adapter: words.join(' ') || 'WebGPU', fp16, isSoftware: isFallbackAdapter };
}
