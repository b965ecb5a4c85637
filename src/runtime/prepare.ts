/** Preprocessing of one picture for a run. */

import type { PreprocessingReport } from '../api/types.js';
import type { Preprocessor } from '../input/image/preprocess.js';
import type { TensorData } from '../input/image/tensor.js';
import type { PixelRect, PixelSource } from '../input/image/types.js';
import type { ModelSession } from './session.js';

/** What pictures of one model are prepared with. */
export interface PreparedModel {
  session: ModelSession;
  preprocessor: Preprocessor;
  /** The network's input, written to and run by one request at a time. */
  input: TensorData;
}

/** Takes pictures to one model. */
export interface Preparer {
  /** What is meant to preprocess, and why. */
  readonly report: PreprocessingReport;
  /**
   * Begins preprocessing of `source`, which is closed with the result, or on failure.
   *
   * @param region - The part of the upright picture to look at. @default all of it
   * @throws TabserveError `invalid-argument`, see `planGeometry()`.
   * @throws the reason of `signal` when it aborts.
   */
  prepare(
    source: PixelSource,
    region: PixelRect | undefined,
    signal: AbortSignal,
  ): Promise<PreparedPicture>;
  /** Frees what it holds. */
  close?(): void;
}

/** A picture on its way into the network. */
export interface PreparedPicture {
  /** What preprocesses it. To be read after {@link run}. */
  readonly report: PreprocessingReport;
  /**
   * Writes the network's input and runs it. One at a time, since all pictures share the input.
   *
   * @param onWritten - Is called when preprocessing has ended, or was handed to the GPU.
   * @returns One number per class.
   */
  run(onWritten: () => void): Promise<ArrayLike<number>>;
  /** Frees the picture. */
  close?(): void;
}

/** A preparer that works on the CPU. */
export function cpuPreparer(
  { session, preprocessor, input }: PreparedModel,
  report: PreprocessingReport = { device: 'cpu', reason: 'the model runs on WASM' },
): Preparer {
  return {
    report,
    async prepare(source, region, signal) {
      try {
        const crop = await preprocessor.crop(source, region, signal);
        return {
          report,
          run(onWritten) {
            preprocessor.write(crop, input);
            onWritten();
            return session.run(input);
          },
        };
      } finally {
        source.close();
      }
    },
  };
}
