/**
 * From samples to what a network takes, as Transformers' feature extractors compute it.
 *
 * Sources: Transformers 5.23 (`ASTFeatureExtractor`, `WhisperFeatureExtractor`,
 * `Wav2Vec2FeatureExtractor`), torchaudio 2.11 (`compliance.kaldi.fbank`).
 */
import { TabserveError } from '../../base/errors.js';
import { kaldiFilters, slaneyFilters } from './mel.js';
import { powerSpectrumOf } from './power-spectrum.js';
import type { AudioFeatures, KaldiFeatures, WaveformFeatures, WhisperFeatures } from './types.js';

/** What {@link openFeatures} computes. */
export interface Features {
  /** Row-major. */
  data: Float32Array<ArrayBuffer>;
  /** Without the batch: `[samples]`, `[frames, melBins]` or `[melBins, frames]`. */
  dims: number[];
  /** Samples of the sound that were looked at; the rest of it was cut off. */
  used: number;
}

/** Features of one kind, with the tables that they need made once. */
export interface FeatureExtractor {
  /** At most so many samples of a sound are looked at. */
  readonly maxSamples: number;
  /**
   * @param samples - One channel at the features' sampling rate, at least one, all finite.
   * @throws TabserveError `audio-undecodable` for a clip that is shorter than one frame.
   */
  extract(samples: Float32Array): Features;
}

/** Seconds of a waveform that are looked at, where the manifest does not say. */
const defaultWaveformSeconds = 30;

/** Prepares the features that a manifest asks for. */
export function openFeatures(features: AudioFeatures): FeatureExtractor {
  switch (features.kind) {
    case 'waveform':
      return openWaveform(features);
    case 'kaldi-fbank':
      return openKaldi(features);
    case 'whisper-log-mel':
      return openWhisper(features);
  }
}

function openWaveform({
  samplingRate,
  samples: exact,
  maxSamples = exact ?? samplingRate * defaultWaveformSeconds,
  minSamples = exact ?? 1,
  normalize = true,
  attentionMask = false,
}: WaveformFeatures): FeatureExtractor {
  return {
    maxSamples,
    extract(samples) {
      const used = Math.min(samples.length, maxSamples);
      const data = new Float32Array(Math.max(used, minSamples));
      data.set(samples.subarray(0, used));
      if (normalize) standardise(data, attentionMask ? used : data.length);
      return { data, dims: [data.length], used };
    },
  };
}

/** Brings the first `length` samples to zero mean and unit variance. The rest stays zero. */
function standardise(data: Float32Array, length: number): void {
  let mean = 0;
  for (let at = 0; at < length; at += 1) mean += data[at] as number;
  mean /= length;
  let variance = 0;
  for (let at = 0; at < length; at += 1) variance += ((data[at] as number) - mean) ** 2;
  const deviation = Math.sqrt(variance / length + 1e-7);
  for (let at = 0; at < length; at += 1) data[at] = ((data[at] as number) - mean) / deviation;
}

/** The smallest step from 1 to another float32, below which Kaldi takes no logarithm. */
const float32Epsilon = 2 ** -23;
const preEmphasis = 0.97;
/** Hz. */
const kaldiLowest = 20;

function openKaldi({
  samplingRate,
  melBins = 128,
  frames = 1024,
  normalize = true,
  mean = -4.2677393,
  std = 4.5689974,
}: KaldiFeatures): FeatureExtractor {
  const length = Math.floor(samplingRate * 0.025);
  const hop = Math.floor(samplingRate * 0.01);
  const fftLength = 2 ** Math.ceil(Math.log2(length));
  const window = hann(length, length - 1);
  const powerSpectrum = powerSpectrumOf(fftLength);
  const filters = kaldiFilters({ count: melBins, fftLength, samplingRate, lowest: kaldiLowest });
  const finish = (value: number) => (normalize ? (value - mean) / (2 * std) : value);
  return {
    maxSamples: length + hop * (frames - 1),
    extract(samples) {
      if (samples.length < length) {
        throw new TabserveError(
          'audio-undecodable',
          `The sound is too short: it has ${samples.length} samples at ${samplingRate} Hz, and the model looks at ${length} at a time.`,
          { details: { samples: samples.length, needed: length } },
        );
      }
      const count = Math.min(frames, 1 + Math.floor((samples.length - length) / hop));
      const data = new Float32Array(frames * melBins).fill(finish(0));
      const frame = new Float64Array(fftLength);
      const power = new Float64Array(fftLength / 2 + 1);
      const mel = new Float64Array(melBins);
      for (let row = 0; row < count; row += 1) {
        emphasise(samples.subarray(row * hop, row * hop + length), window, frame);
        powerSpectrum(frame, power);
        filters.apply(power, mel);
        for (let bin = 0; bin < melBins; bin += 1) {
          const energy = Math.max(mel[bin] as number, float32Epsilon);
          data[row * melBins + bin] = finish(Math.log(energy));
        }
      }
      return { data, dims: [frames, melBins], used: Math.min(samples.length, this.maxSamples) };
    },
  };
}

/** Takes the mean away, raises the high frequencies, and applies the window. */
function emphasise(samples: Float32Array, window: Float64Array, frame: Float64Array): void {
  let mean = 0;
  for (const sample of samples) mean += sample;
  mean /= samples.length;
  let previous = (samples[0] as number) - mean;
  for (let at = 0; at < samples.length; at += 1) {
    const sample = (samples[at] as number) - mean;
    frame[at] = (sample - preEmphasis * previous) * (window[at] as number);
    previous = sample;
  }
}

/** Hz of Whisper's highest filter's foot, whatever the sampling rate. */
const whisperHighest = 8000;
/** How far below the maximum Whisper looks, in powers of ten. */
const whisperRange = 8;

function openWhisper({
  samplingRate,
  melBins = 80,
  fftLength = 400,
  hopLength = 160,
  seconds = 30,
  normalize = false,
}: WhisperFeatures): FeatureExtractor {
  const maxSamples = Math.floor(seconds * samplingRate);
  const frames = Math.floor(maxSamples / hopLength);
  const window = hann(fftLength, fftLength);
  const powerSpectrum = powerSpectrumOf(fftLength);
  const filters = slaneyFilters({
    count: melBins,
    fftLength,
    samplingRate,
    highest: whisperHighest,
  });
  return {
    maxSamples,
    extract(samples) {
      const used = Math.min(samples.length, maxSamples);
      const padded = new Float32Array(maxSamples);
      padded.set(samples.subarray(0, used));
      if (normalize) standardise(padded, used);
      const data = new Float32Array(melBins * frames);
      const frame = new Float64Array(fftLength);
      const power = new Float64Array(fftLength / 2 + 1);
      const mel = new Float64Array(melBins);
      let highest = Number.NEGATIVE_INFINITY;
      // Frames of nothing but the zeros at the end are all alike.
      const silent = Math.min(frames, Math.ceil((used + fftLength / 2) / hopLength));
      for (let column = 0; column < frames; column += 1) {
        const start = column * hopLength - fftLength / 2;
        if (column <= silent || start + fftLength > maxSamples) {
          for (let at = 0; at < fftLength; at += 1) {
            frame[at] = padded[mirrored(start + at, maxSamples)] as number;
            frame[at] = (frame[at] as number) * (window[at] as number);
          }
          powerSpectrum(frame, power);
          filters.apply(power, mel);
        }
        for (let bin = 0; bin < melBins; bin += 1) {
          const value = Math.log10(Math.max(mel[bin] as number, 1e-10));
          data[bin * frames + column] = value;
          if (value > highest) highest = value;
        }
      }
      for (let at = 0; at < data.length; at += 1) {
        data[at] = (Math.max(data[at] as number, highest - whisperRange) + 4) / 4;
      }
      return { data, dims: [melBins, frames], used };
    },
  };
}

/** A place before the start or after the end, reflected there as torch's `stft` does. */
function mirrored(place: number, length: number): number {
  if (place < 0) return -place;
  return place < length ? place : 2 * (length - 1) - place;
}

/** A Hann window: symmetric where `period` is `length − 1`, periodic where it is `length`. */
function hann(length: number, period: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / period),
  );
}
