/** From a model's name to a session. */
import { createPreprocessor, type Preprocessor } from '../image/preprocess.js';
import type { TensorData } from '../image/tensor.js';
import { download } from '../model/download.js';
import type { ModelManifest } from '../model/manifest.js';
import { firstOf } from '../model/places.js';
import { selectFile } from '../model/select.js';
import { resolveModel } from '../model/source.js';
import { forbiddenWasm } from './backend.js';
import type { Engine } from './engine.js';
import { type ProgressListener, ProgressTotal } from './progress.js';
import type { LoadedModel, LoadRequest } from './protocol.js';
import { ModelSession } from './session.js';

/** A model in this worker. */
export interface ModelEntry {
  session: ModelSession;
  preprocessor: Preprocessor;
  manifest: ModelManifest;
  /** One per class. */
  labels: readonly string[];
  /** Larger images are refused. */
  maxPixels: number;
  /** The network's input, written to and run by one request at a time. */
  input: TensorData;
}

/**
 * Loads a model: the engine's binary, the manifest and the weights side by side, then the session,
 * then, on WebGPU, one run on zeros.
 *
 * @throws TabserveError of every kind that loading can end in; the signal's reason when aborted.
 */
export async function loadModel(
  engine: Engine,
  request: LoadRequest,
  options: { signal: AbortSignal; onProgress: ProgressListener },
): Promise<{ entry: ModelEntry; report: Omit<LoadedModel, 'modelId'> }> {
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  const siblingFailed = new AbortController();
  const signal = AbortSignal.any([options.signal, siblingFailed.signal]);
  const progress = new ProgressTotal(['engine', 'model'] as const, options.onProgress);
  try {
    const starting = engine
      .backend((loaded, total) => progress.set('engine', loaded, total))
      .then((backend) => ({ backend, time: elapsed() }));
    // Awaited below; until then its failure must not count as unhandled.
    starting.catch(() => undefined);

    const { manifest, labels, locate } = await resolveModel(request.model, signal);
    const abilities =
      engine.config.device === 'wasm'
        ? ({ device: 'wasm', fp16: true } as const)
        : (await starting).backend.abilities;
    const file = selectFile(manifest, request.dtype, abilities);
    const location = locate(file);
    const mirrors = typeof location === 'string' ? (request.mirrors[location] ?? []) : [];
    const [{ backend, time: engineTime }, { bytes, moved, time: modelTime }] = await Promise.all([
      starting,
      firstOf(
        [location, ...mirrors],
        (place) =>
          download(place, {
            expected: file,
            signal,
            onProgress: (loaded, total) => progress.set('model', loaded, total),
          }),
        signal,
      ).then(({ value, fallbacks }) => ({ bytes: value, moved: fallbacks, time: elapsed() })),
    ]);

    return await engine.exclusive(async () => {
      signal.throwIfAborted();
      const where = typeof location === 'string' ? location : file.url;
      const createBegan = elapsed();
      const session = await ModelSession.create(backend, bytes, manifest, labels.length, where);
      const preprocessor = createPreprocessor(manifest.input, manifest.preprocess);
      const warmUpBegan = elapsed();
      try {
        const warmUp = () => session.warmUp(() => preprocessor.allocate(1));
        // On WASM the first image's run does as well, if it comes at once; on WebGPU a run also
        // shows whether the GPU can do it at all.
        if (engine.config.device === 'wasm') engine.later(warmUp);
        else await warmUp();
        signal.throwIfAborted();
      } catch (error) {
        await session.release();
        throw error;
      }
      const timings = {
        engine: engineTime,
        model: modelTime,
        session: warmUpBegan - createBegan,
        warmup: elapsed() - warmUpBegan,
      };
      return {
        entry: {
          session,
          preprocessor,
          manifest,
          labels,
          maxPixels: request.maxPixels,
          input: preprocessor.allocate(1),
        },
        report: {
          manifest,
          labels,
          dtype: file.dtype,
          file: file.url,
          bytes: bytes.length,
          adapter: backend.adapter,
          fallbacks: [...backend.fallbacks, ...moved],
          timings,
        },
      };
    });
  } catch (error) {
    siblingFailed.abort();
    // To check a sha256 takes WebAssembly too.
    throw forbiddenWasm(error) ?? error;
  }
}
