/**
 * From one sampling rate to another, by a windowed sinc, as `torchaudio.functional.resample` does.
 *
 * The browser's own resampling is not used: in an `OfflineAudioContext` it does not filter, so that
 * tones above the new Nyquist frequency come back as other tones.
 *
 * Source: J. O. Smith, "Digital Audio Resampling", and torchaudio 2.11, `_get_sinc_resample_kernel`.
 */
import { TabserveError } from '../../base/errors.js';

/** Hz, as an `AudioContext` may have. */
export const minSampleRate = 3000;
/** Hz, as an `AudioContext` may have. */
export const maxSampleRate = 768_000;

/** The low-pass filter of {@link resample}, with torchaudio's names and defaults. */
export interface ResampleOptions {
  /** Zero crossings of the sinc on each side, 1…256. @default 6 */
  lowpassFilterWidth?: number | undefined;
  /** The cutoff as a share of the lower Nyquist frequency, above 0, at most 1. @default 0.99 */
  rolloff?: number | undefined;
  /** @default 'hann' */
  window?: 'hann' | 'kaiser' | undefined;
  /** The shape of the Kaiser window. @default 14.769656459379492 */
  beta?: number | undefined;
}

const { fround } = Math;

/** Weights of the samples around one phase of the output. */
interface Phase {
  /** The place of the first weight's sample, counted from the start of the block. */
  readonly first: number;
  readonly weights: Float32Array;
}

/**
 * Resamples one channel.
 *
 * @param samples - −1…1, at `from` Hz.
 * @param from - Hz, a whole number of {@link minSampleRate}…{@link maxSampleRate}.
 * @param to - Hz, a whole number in the same range.
 * @returns `ceil(samples.length · to / from)` samples; `samples` itself where the rates are equal.
 * @throws TabserveError `invalid-argument` for a rate that is none of these.
 */
export function resample(
  samples: Float32Array,
  from: number,
  to: number,
  options: ResampleOptions = {},
): Float32Array {
  checkSampleRate(from);
  checkSampleRate(to);
  if (from === to) return samples;
  const divisor = gcd(from, to);
  const [step, count] = [from / divisor, to / divisor];
  const length = Math.ceil((samples.length * count) / step);
  const resampled = new Float32Array(length);
  // A short clip between rates without a common divisor never reaches most of the phases.
  for (let phase = 0; phase < Math.min(count, length); phase += 1) {
    const { first, weights } = phaseOf(phase, step, count, options);
    for (let at = phase, block = first; at < length; at += count, block += step) {
      const begin = Math.max(0, -block);
      const end = Math.min(weights.length, samples.length - block);
      let sum = 0;
      for (let tap = begin; tap < end; tap += 1) {
        sum += (weights[tap] as number) * (samples[block + tap] as number);
      }
      resampled[at] = sum;
    }
  }
  return resampled;
}

/** Throws `invalid-argument` unless `rate` is a sampling rate that {@link resample} takes. */
export function checkSampleRate(rate: number): void {
  if (Number.isInteger(rate) && rate >= minSampleRate && rate <= maxSampleRate) return;
  throw new TabserveError(
    'invalid-argument',
    `The sampling rate is ${String(rate).slice(0, 100)}. Pass a whole number of ${minSampleRate} to ${maxSampleRate} Hz.`,
  );
}

function phaseOf(
  phase: number,
  step: number,
  count: number,
  {
    lowpassFilterWidth: width = 6,
    rolloff = 0.99,
    window = 'hann',
    beta = 14.769656459379492,
  }: ResampleOptions,
): Phase {
  const cutoff = Math.min(step, count) * rolloff;
  // Outside of these the window is zero.
  const reach = (width * step) / cutoff;
  const centre = (phase * step) / count;
  const first = Math.ceil(centre - reach);
  const weights = new Float32Array(Math.floor(centre + reach) - first + 1);
  for (let tap = 0; tap < weights.length; tap += 1) {
    // In float32, as torchaudio: its rounding here moves samples by more (1.7e-5) than any other step.
    const time = fround(fround(-phase / count) + fround((first + tap) / step));
    const t = clamp(fround(time * fround(cutoff)), width);
    const shape =
      window === 'hann'
        ? Math.cos((t * Math.PI) / width / 2) ** 2
        : besselI0(beta * Math.sqrt(1 - (t / width) ** 2)) / besselI0(beta);
    const sinc = t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI);
    weights[tap] = (sinc * shape * cutoff) / step;
  }
  return { first, weights };
}

function clamp(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value));
}

/** The modified Bessel function of the first kind of order 0, by its power series. */
function besselI0(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-17; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
