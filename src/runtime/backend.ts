/** ONNX Runtime in this worker: its WebAssembly binary, its GPU device, and how they fail. */
import type * as Ort from 'onnxruntime-web';
import { asTabserveError, isTabserveError, messageOf, TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { ortVersion } from '../base/version.js';
import { obtain } from '../model/obtain.js';
import { firstOf } from '../model/places.js';
import type { DeviceAbilities } from '../model/select.js';
import type { ProgressListener } from '../wire/progress.js';
import type { EngineBinary, StartRequest } from '../wire/protocol.js';
import { isGzip, isWasm, ModuleCompiler, withModule } from './engine-module.js';

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
const identityModel =
  'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

/** The engine's binaries, by file name. The build puts it in. */
declare const __ORT_BINARIES__: Readonly<Record<string, { bytes: number; sha256: string }>>;

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
  request: Pick<StartRequest, 'device' | 'threads' | 'wasmUrls' | 'binary'>,
  options: {
    onProgress: ProgressListener;
    /** Is given the binary if it had to be loaded. */
    onBinary: (binary: EngineBinary) => void;
    onDeviceLost: (reason: string) => void;
    /** Settles when there is time to put the binary into the store. */
    keepAfter: Promise<unknown>;
  },
): Promise<StartedBackend> {
  const isGpu = __ENGINE_HAS_GPU__ && request.device === 'webgpu';
  const gpu = isGpu ? openGpu(options.onDeviceLost) : undefined;
  // Without this, a GPU that cannot be opened while the binary loads is an unhandled rejection.
  gpu?.catch(() => undefined);
  const { binary, kept } = request.binary
    ? { binary: request.binary, kept: Promise.resolve() }
    : await loadBinary(request.wasmUrls, options);
  if (request.binary) options.onProgress(0, 0, 0);
  else options.onBinary(binary);
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = request.threads;
  const { device, adapter, fp16, isSoftware } = (await gpu) ?? noGpu;
  try {
    await withModule(binary.module, async () => {
      const session = await ort.InferenceSession.create(
        Uint8Array.from(atob(identityModel), (char) => char.charCodeAt(0)),
        { executionProviders: ['wasm'] },
      );
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

/** What bundlers put into a file's name: `name-4f0a91c2.wasm`, `name.wasm-4f0a91c2.gz`. */
const bundlersHash = /[-.][\w-]{8,}(?=\.wasm$)|(?<=\.wasm)[-.][\w-]{8,}$/;

async function loadBinary(
  urls: readonly string[],
  { onProgress, keepAfter }: { onProgress: ProgressListener; keepAfter: Promise<unknown> },
): Promise<{ binary: EngineBinary; kept: Promise<unknown> }> {
  const names = urls.map((url) => new URL(url).pathname.split('/').at(-1) ?? '');
  const known = names
    .map((name) => name.replace(/\.gz$/, ''))
    .map((name) => __ORT_BINARIES__[name] ?? __ORT_BINARIES__[name.replace(bundlersHash, '')])
    .find((each) => each !== undefined);
  const { value, fallbacks } = await firstOf(urls, async (url, isFirst) => {
    const compiler = new ModuleCompiler();
    // What others host has to be what was built in, bit for bit. What the page's author hosts may
    // be compressed. Either is kept in the store, so that a model from there needs no network.
    const convert = async (served: Uint8Array<ArrayBuffer>) => {
      const binary = await unpacked(served);
      checkBinary(binary, url, known?.bytes);
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
    checkBinary(bytes, url, known?.bytes);
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

function checkBinary(binary: Uint8Array, url: string, bytes: number | undefined): void {
  if (!isWasm(binary)) {
    const start = new TextDecoder().decode(binary.subarray(0, 60));
    throw new TabserveError(
      'network',
      `${url} is not a WebAssembly binary: it begins with ${JSON.stringify(start)}. Servers often answer a wrong address with their index page. ${whereToServe}`,
      { details: { url, firstBytes: start }, retryable: false },
    );
  }
  if (bytes === undefined || binary.length === bytes) return;
  throw otherBinary(url, `It has ${binary.length} bytes and should have ${bytes}.`);
}

function otherBinary(url: string, found: string, cause?: unknown): TabserveError {
  return new TabserveError(
    'integrity',
    `${url} is cut off, or of another version than the onnxruntime-web ${ortVersion} in this worker. ${found} ${whereToServe}`,
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
