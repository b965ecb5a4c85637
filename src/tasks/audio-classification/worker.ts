/** Which class does this sound belong to? The worker's half. */
import { TabserveError } from '../../base/errors.js';
import { float16Bits } from '../../base/float16.js';
import type { Feeds } from '../../base/gpu-tensor.js';
import { list, mapOf, nullable, number, object, string, whole } from '../../base/shape.js';
import { numbersOf, type Tensor } from '../../base/tensor.js';
import { type Features, openFeatures } from '../../input/audio/features.js';
import { audioCheck, toMono } from '../../input/audio/mono.js';
import type { CapturedAudio } from '../../input/audio/types.js';
import type { WorkerTask } from '../../runtime/task.js';
import { activate, classFacts, topK } from '../scores.js';
import { checkGraph, maskType } from './graph.js';
import type {
  AudioManifest,
  AudioOptions,
  AudioReport,
  AudioWindow,
  Classification,
} from './types.js';

/** Classification of sounds. */
export const audioClassification: WorkerTask<
  AudioManifest,
  CapturedAudio,
  AudioOptions,
  Classification[],
  object
> = {
  name: 'audio-classification',
  checks: {
    payload: audioCheck,
    options: object({
      topK: whole(1),
      threshold: number,
      thresholds: nullable(mapOf(number)),
      allow: nullable(list(string)),
      deny: nullable(list(string)),
    }),
    settings: object({}),
  },
  open(model) {
    const { manifest, labels, inputs, where } = model;
    const { input, output, preprocess } = manifest;
    const facts = classFacts(model, output);
    const { samplingRate } = preprocess;
    const extractor = openFeatures(preprocess);

    const feedsOf = (features: Features): Feeds => {
      const feeds: Record<string, Tensor> = { [input.name]: inputTensor(features, input) };
      if (input.attentionMask !== undefined) {
        const type = maskType(inputs, input.attentionMask, where);
        feeds[input.attentionMask] = maskTensor(features, type);
      }
      return feeds;
    };
    // Random-like, not silence: the warm-up's time is to be a usual request's.
    const sampleLength = Math.min(extractor.maxSamples, samplingRate);
    const sample = Float32Array.from({ length: sampleLength }, (_, at) => Math.sin(at * at) / 4);
    checkGraph(model, inputTensor(extractor.extract(sample), input).dims);

    return {
      outputs: [output.name],
      report: { samplingRate, seconds: extractor.maxSamples / samplingRate } satisfies AudioWindow,
      sample: () => feedsOf(extractor.extract(sample)),
      async prepare(audio, options, { signal, lap }) {
        const { samples, isTruncated } = toMono(audio, samplingRate, extractor.maxSamples);
        lap('decode');
        signal.throwIfAborted();
        const features = extractor.extract(samples);
        lap('preprocess');
        const report: AudioReport = {
          seconds: features.used / samplingRate,
          isTruncated,
          resampledFrom: audio.sampleRate === samplingRate ? null : audio.sampleRate,
          isBrowserResampled: audio.isBrowserResampled,
        };
        return {
          report,
          feeds: () => feedsOf(features),
          interpret(outputs) {
            const logits = outputs[output.name];
            const scores = activate(logits ? numbersOf(logits) : [], output.activation);
            if (scores.length === labels.length) return topK(scores, labels, options, facts);
            throw new TabserveError(
              'model-invalid',
              `The model "${manifest.name}" answers ${scores.length} numbers; its labels name ${labels.length} classes.`,
            );
          },
        };
      },
    };
  },
};

function inputTensor(
  { data, dims }: Features,
  { dtype, channelAxis }: AudioManifest['input'],
): Tensor {
  const shape = channelAxis ? [1, 1, ...dims] : [1, ...dims];
  return dtype === 'float32'
    ? { type: 'float32', dims: shape, data }
    : { type: 'float16', dims: shape, data: Uint16Array.from(data, float16Bits) };
}

/** 1 where there is sound, 0 where a waveform was filled up. */
function maskTensor({ data, used }: Features, type: 'int64' | 'int32'): Tensor {
  const { length } = data;
  return type === 'int64'
    ? { type, dims: [1, length], data: new BigInt64Array(length).fill(1n, 0, used) }
    : { type, dims: [1, length], data: new Int32Array(length).fill(1, 0, used) };
}
