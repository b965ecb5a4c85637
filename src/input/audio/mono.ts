/** From what a page has captured to one channel at a model's rate. */
import { TabserveError } from '../../base/errors.js';
import { all, boolean, type Check, is, list, madeBy, object, whole } from '../../base/shape.js';
import { maxSampleRate, minSampleRate, resample } from './resample.js';
import type { CapturedAudio } from './types.js';

/** Most channels of a sound: as many as an `AudioBuffer` may have. */
export const maxChannels = 32;

/** What a {@link CapturedAudio} looks like in a message. */
export const audioCheck: Check = object({
  channels: all(
    list(madeBy(Float32Array), 1, maxChannels),
    is('channels of one length, at least 1', isEven),
  ),
  sampleRate: whole(minSampleRate, maxSampleRate),
  isCut: boolean,
  isBrowserResampled: boolean,
} satisfies Record<keyof CapturedAudio, Check>);

function isEven(value: unknown): boolean {
  const channels = value as readonly Float32Array[];
  const length = channels[0]?.length ?? 0;
  return length > 0 && channels.every((each) => each.length === length);
}

/** A channel at a model's rate. */
export interface MonoAudio {
  samples: Float32Array;
  /** Whether the sound went on after these samples. */
  isTruncated: boolean;
}

/**
 * The mean of all channels, resampled.
 *
 * @param samplingRate - Hz.
 * @param maxSamples - At `samplingRate`; what follows is not looked at.
 * @throws TabserveError `invalid-argument` for samples that are no numbers.
 */
export function toMono(
  { channels, sampleRate, isCut }: CapturedAudio,
  samplingRate: number,
  maxSamples: number,
): MonoAudio {
  const total = channels[0]?.length ?? 0;
  const ratio = sampleRate / samplingRate;
  // The filter of `resample()` reaches 6.06 samples of the lower rate to each side.
  const needed = Math.ceil(maxSamples * ratio + 8 * Math.max(1, ratio));
  const length = Math.min(total, needed);
  const mono = new Float32Array(length);
  for (let at = 0; at < length; at += 1) {
    let sum = 0;
    for (const channel of channels) sum += channel[at] as number;
    mono[at] = sum / channels.length;
  }
  const wrong = mono.findIndex((sample) => !Number.isFinite(sample));
  if (wrong >= 0) {
    throw new TabserveError(
      'invalid-argument',
      `Sample ${wrong} of the sound is ${mono[wrong]}. Samples are numbers of -1 to 1.`,
      { details: { sample: wrong } },
    );
  }
  const samples = resample(mono, sampleRate, samplingRate);
  const isTruncated = isCut || Math.ceil(total / ratio) > maxSamples;
  return { samples: samples.subarray(0, maxSamples), isTruncated };
}
