/** What `model.json` says of a classifier of sounds. */
import * as v from 'valibot';
import { maxSampleRate, minSampleRate } from '../../input/audio/resample.js';
import {
  coreFields,
  labels,
  type ManifestCheck,
  name,
  thresholds,
} from '../../model/manifest-check.js';
import type { AudioManifest } from './types.js';

/** Seconds of the longest sound that a model may be given at once. */
const longest = 600;

const whole = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const samplingRate = whole(minSampleRate, maxSampleRate);
const melBins = v.optional(whole(4, 1024));
const samples = v.optional(whole(1, longest * 48_000));
const finite = v.pipe(v.number(), v.finite());
const normalize = v.optional(v.boolean());

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<AudioManifest> = {
  task: 'audio-classification',
  schema: v.object({
    ...coreFields,
    task: v.literal('audio-classification'),
    labels,
    input: v.object({
      name,
      dtype: v.picklist(['float32', 'float16'] as const),
      channelAxis: v.optional(v.boolean()),
      attentionMask: v.optional(name),
    }),
    preprocess: v.variant('kind', [
      v.object({
        kind: v.literal('waveform'),
        samplingRate,
        normalize,
        samples,
        maxSamples: samples,
        minSamples: samples,
        attentionMask: v.optional(v.boolean()),
      }),
      v.object({
        kind: v.literal('kaldi-fbank'),
        samplingRate,
        melBins,
        frames: v.optional(whole(1, longest * 100)),
        normalize,
        mean: v.optional(finite),
        std: v.optional(v.pipe(finite, v.minValue(Number.MIN_VALUE))),
      }),
      v.object({
        kind: v.literal('whisper-log-mel'),
        samplingRate,
        melBins,
        fftLength: v.optional(v.pipe(whole(2, 65_536), v.multipleOf(2))),
        hopLength: v.optional(whole(1, 65_536)),
        seconds: v.optional(v.pipe(finite, v.minValue(0.01), v.maxValue(longest))),
        normalize,
      }),
    ]),
    output: v.object({
      name,
      activation: v.picklist(['softmax', 'sigmoid', 'none'] as const),
      thresholds,
    }),
  }),
  fit({ input, preprocess }, refuse) {
    if (preprocess.kind === 'whisper-log-mel') {
      const { samplingRate, seconds = 30, fftLength = 400, hopLength = 160 } = preprocess;
      const length = Math.floor(seconds * samplingRate);
      if (length < Math.max(hopLength, fftLength)) {
        throw refuse('preprocess.seconds', seconds, `at least one frame of ${fftLength} samples`);
      }
    }
    if (preprocess.kind !== 'waveform') {
      if (input.attentionMask === undefined) return;
      throw refuse('input.attentionMask', input.attentionMask, 'nothing, but for a waveform');
    }
    const { samples, maxSamples, minSamples } = preprocess;
    if (samples !== undefined && (maxSamples ?? minSamples) !== undefined) {
      throw refuse(
        'preprocess.samples',
        samples,
        'either "samples", or "minSamples" and "maxSamples"',
      );
    }
    if (maxSamples !== undefined && minSamples !== undefined && maxSamples < minSamples) {
      throw refuse('preprocess.maxSamples', maxSamples, `at least "minSamples", ${minSamples}`);
    }
  },
};
