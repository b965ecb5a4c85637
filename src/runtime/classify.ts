/** The way of one image through the worker, from the wire to the answer. */
import { TabserveError } from '../base/errors.js';
import { type DecodeOptions, decode, release } from '../input/image/decode.js';
import { fitsLabels } from '../model/fit.js';
import type { ClassifyRequest, ClassifyResult } from '../wire/protocol.js';
import type { Engine } from './engine.js';
import { Laps } from './laps.js';
import type { ModelEntry } from './load.js';
import { activate, topK, withComplement } from './postprocess.js';

/** What {@link classifyImage} works with. */
export interface ClassifyContext {
  engine: Engine;
  model: ModelEntry;
  /** Turns an SVG into pixels, which only a page can. */
  rasteriseSvg: NonNullable<DecodeOptions['rasteriseSvg']>;
  signal: AbortSignal;
}

/** Runs that a measurement takes, after one that does not count. */
const measuredRuns = 3;

/**
 * Milliseconds of one run, as the median of a few on zeros. Other requests have their turns in
 * between.
 *
 * @throws TabserveError as {@link classifyImage}; the signal's reason.
 */
export async function measureRun(
  engine: Engine,
  { session, preprocessor }: ModelEntry,
  signal: AbortSignal,
): Promise<number> {
  const zeros = preprocessor.allocate(1);
  const times: number[] = [];
  for (let run = 0; run <= measuredRuns; run++) {
    await engine.exclusive(async () => {
      signal.throwIfAborted();
      const began = performance.now();
      await session.run(zeros);
      if (run > 0) times.push(performance.now() - began);
    });
  }
  return times.sort((a, b) => a - b)[measuredRuns >> 1] as number;
}

/**
 * Decodes, preprocesses, runs and sorts.
 *
 * @throws TabserveError `image-…`, `network`, `model-invalid`, `device-lost`, `out-of-memory`,
 *   `invalid-argument`; the signal's reason when aborted.
 */
export async function classifyImage(
  request: ClassifyRequest,
  { engine, model, rasteriseSvg, signal }: ClassifyContext,
): Promise<ClassifyResult> {
  const { manifest, labels, maxPixels, preprocessor, preparer } = model;
  const laps = new Laps<keyof ClassifyResult['timings']>();
  const leave = await engine.gate.enter(signal).catch((reason: unknown) => {
    // Nobody will decode it, and a frame that is not closed holds up the video it is from.
    release(request.image);
    throw reason;
  });
  try {
    laps.lap('queue');
    const region = request.crop ?? undefined;
    const source = await decode(request.image, {
      maxPixels,
      signal,
      rasteriseSvg,
      // A picture that is reduced while it is decoded is too small to be worth a GPU's while.
      ...(request.quality === 'fast'
        ? { reduction: (size) => preprocessor.reduction(size, region) }
        : { native: preparer.report.device === 'gpu' }),
    });
    laps.lap('decode');
    const prepared = await preparer.prepare(source, region, signal);
    laps.lap('preprocess');
    let output: ArrayLike<number>;
    try {
      output = await engine.exclusive(async () => {
        signal.throwIfAborted();
        laps.lap('queue');
        return prepared.run(() => laps.lap('preprocess'));
      });
    } finally {
      prepared.close?.();
    }
    laps.lap('inference');
    if (!fitsLabels(output.length, labels.length)) {
      throw new TabserveError(
        'model-invalid',
        `The model "${manifest.name}" answers ${output.length} classes; its labels name ${labels.length}.`,
      );
    }
    const scores = activate(output, manifest.output.activation);
    const classifications = topK(withComplement(scores, labels.length), labels, request);
    laps.lap('postprocess');
    return {
      classifications,
      preprocessing: prepared.report,
      timings: {
        queue: laps.read('queue'),
        decode: laps.read('decode'),
        preprocess: laps.read('preprocess'),
        inference: laps.read('inference'),
        postprocess: laps.read('postprocess'),
      },
    };
  } finally {
    leave();
  }
}
