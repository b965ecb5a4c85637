import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../../base/errors.js';
import { openFeatures } from '../../input/audio/features.js';
import { checkManifest } from '../../model/manifest-check.js';
import { hubTask } from './hub.js';
import { manifestCheck } from './manifest.js';
import type { AudioManifest } from './types.js';

const valid: AudioManifest = {
  name: 'sounds',
  version: '1.0.0',
  task: 'audio-classification',
  labels: ['a', 'b'],
  input: { name: 'input_values', dtype: 'float32' },
  preprocess: { kind: 'waveform', samplingRate: 16000 },
  output: { name: 'logits', activation: 'softmax' },
  files: [{ url: 'sounds.onnx', dtype: 'fp32' }],
};
const check = (manifest: unknown) => checkManifest(manifest, 'model.json', [manifestCheck]);

describe('the manifest', () => {
  it('is let through as it is', () => {
    expect(check(valid)).toEqual(valid);
  });

  it.each<[string, object, RegExp]>([
    ['rate', { preprocess: { kind: 'waveform', samplingRate: 100 } }, /preprocess\.samplingRate/],
    ['kind', { preprocess: { kind: 'mfcc', samplingRate: 16000 } }, /preprocess\.kind/],
    [
      'frames',
      { preprocess: { kind: 'kaldi-fbank', samplingRate: 16000, frames: 1e9 } },
      /preprocess\.frames/,
    ],
    [
      'odd frame',
      { preprocess: { kind: 'whisper-log-mel', samplingRate: 16000, fftLength: 401 } },
      /preprocess\.fftLength.*a multiple of 2/,
    ],
    [
      'less than one frame',
      { preprocess: { kind: 'whisper-log-mel', samplingRate: 16000, seconds: 0.02 } },
      /preprocess\.seconds/,
    ],
    [
      'mask of no waveform',
      {
        input: { ...valid.input, attentionMask: 'mask' },
        preprocess: { kind: 'kaldi-fbank', samplingRate: 16000 },
      },
      /input\.attentionMask/,
    ],
    [
      'two lengths',
      { preprocess: { kind: 'waveform', samplingRate: 16000, samples: 9, maxSamples: 9 } },
      /preprocess\.samples/,
    ],
    [
      'least above most',
      { preprocess: { kind: 'waveform', samplingRate: 16000, minSamples: 9, maxSamples: 8 } },
      /preprocess\.maxSamples/,
    ],
    ['dtype', { input: { name: 'x', dtype: 'int8' } }, /input\.dtype/],
  ])('is refused: %s', (_name, change, message) => {
    expect(() => check({ ...valid, ...change })).toThrow(message);
  });

  it('opens with whatever it lets through', () => {
    const number = fc.oneof(
      fc.integer({ min: -2, max: 20_000 }),
      fc.double(),
      fc.constant(undefined),
    );
    const preprocess = fc.record({
      kind: fc.constantFrom('waveform', 'kaldi-fbank', 'whisper-log-mel'),
      samplingRate: fc.oneof(fc.integer({ min: 3000, max: 48_000 }), number),
      ...Object.fromEntries(
        ['melBins', 'frames', 'fftLength', 'hopLength', 'samples', 'maxSamples', 'minSamples'].map(
          (name) => [name, fc.option(number, { nil: undefined, freq: 2 })],
        ),
      ),
      seconds: fc.option(fc.double({ min: 0, max: 3, noNaN: true }), { nil: undefined }),
    });
    let opened = 0;
    fc.assert(
      fc.property(preprocess, (given) => {
        let manifest: AudioManifest;
        try {
          manifest = check({ ...valid, preprocess: given }) as AudioManifest;
        } catch (error) {
          expect(isTabserveError(error, 'manifest-invalid')).toBe(true);
          return;
        }
        opened += 1;
        const extractor = openFeatures(manifest.preprocess);
        const { data, dims } = extractor.extract(new Float32Array(2000).fill(0.5));
        expect(data).toHaveLength(dims.reduce((a, b) => a * b));
        expect(data.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(opened).toBeGreaterThan(20);
  });
});

describe('a repository', () => {
  const config = { id2label: { 0: 'a', 1: 'b' } };
  const describeIt = (preprocessor: unknown, given: unknown = config) =>
    hubTask.describe({
      where: 'hf:a/b',
      config: given,
      preprocessor,
      more: {},
      processor: 'slow',
      find: () => undefined,
      addressOf: (path) => `https://hub.example/${path}`,
    });

  it('is recognised by its extractor or its model', () => {
    const wav2vec2 = { feature_extractor_type: 'Wav2Vec2FeatureExtractor' };
    expect(hubTask.recognises({ config: {}, preprocessor: wav2vec2 })).toBe(true);
    expect(hubTask.recognises({ config: {}, preprocessor: { feature_extractor: wav2vec2 } })).toBe(
      true,
    );
    expect(hubTask.recognises({ config: { model_type: 'hubert' }, preprocessor: undefined })).toBe(
      true,
    );
    expect(hubTask.recognises({ config: { model_type: 'vit' }, preprocessor: undefined })).toBe(
      false,
    );
    expect(
      hubTask.recognises({
        config: null,
        preprocessor: { feature_extractor_type: 'ViTFeatureExtractor' },
      }),
    ).toBe(false);
  });

  it.each([
    ['audio-spectrogram-transformer', 'kaldi-fbank'],
    ['hubert', 'waveform'],
    ['wav2vec2', 'waveform'],
    ['whisper', 'whisper-log-mel'],
  ])('whose extractor only the model names is read: %s', (model_type, kind) => {
    const { fields, warnings } = describeIt({ sampling_rate: 16000 }, { ...config, model_type });
    expect(fields).toMatchObject({ preprocess: { kind } });
    expect(warnings).toEqual([]);
    for (const other of ['clap', 'wav2vec2-bert', 'vit', undefined]) {
      expect(() => describeIt({}, { ...config, model_type: other })).toThrow(
        /feature_extractor_type/,
      );
    }
  });

  it('with fields that are not known, and ways to fill up that are not done, is refused or told', () => {
    const whisper = { feature_extractor_type: 'WhisperFeatureExtractor' };
    expect(() => describeIt({ ...whisper, padding_value: 0.5 })).toThrow(/"padding_value".*0\.5/);
    expect(() => describeIt({ ...whisper, padding_side: 'left' })).toThrow(/"padding_side".*left/);
    expect(describeIt({ ...whisper, padding_value: 0, f_max: 4000 }).warnings).toEqual([
      expect.stringContaining('"f_max"'),
    ]);
    const wav2vec2 = { feature_extractor_type: 'Wav2Vec2FeatureExtractor' };
    expect(describeIt({ ...wav2vec2, padding_value: 1, padding_side: 'left' }).warnings).toEqual([
      expect.stringContaining('"padding_value"'),
      expect.stringContaining('"padding_side"'),
    ]);
    // AST's heeds neither.
    const ast = { feature_extractor_type: 'ASTFeatureExtractor', padding_value: 1 };
    expect(describeIt(ast).warnings).toEqual([]);
  });

  it('whose graph takes a mask is taken only with a waveform, which has one', () => {
    const tensor = (name: string, ...shape: (number | string)[]) => ({
      name,
      type: name === 'mask' ? 'int64' : 'float32',
      shape,
    });
    const completed = (kind: 'waveform' | 'whisper-log-mel') =>
      hubTask.complete(
        {
          manifest: { ...valid, preprocess: { kind, samplingRate: 16000 } } as AudioManifest,
          open: 'names',
          inputs: [
            tensor('x', 1, ...(kind === 'waveform' ? ['n'] : [80, 3000])),
            tensor('mask', 1, 'n'),
          ],
          outputs: [tensor('logits', 1, 2)],
          graph: null,
          where: 'hf:a/b',
        },
        null,
        [],
      );
    expect(completed('waveform')).toMatchObject({ input: { name: 'x', attentionMask: 'mask' } });
    expect(() => completed('whisper-log-mel')).toThrow(
      expect.objectContaining({ code: 'model-invalid' }),
    );
  });

  it('names the address of a feature extractor that is missing', () => {
    expect(() => describeIt(undefined)).toThrow('https://hub.example/preprocessor_config.json');
  });

  it('gives a manifest, or says which field is wrong, whatever its files hold', () => {
    const value = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.boolean(), fc.constant(null));
    const names = [
      'sampling_rate',
      'num_mel_bins',
      'max_length',
      'mean',
      'std',
      'do_normalize',
      'feature_size',
      'n_fft',
      'hop_length',
      'chunk_length',
      'dither',
      'return_attention_mask',
    ];
    const preprocessor = fc.record({
      feature_extractor_type: fc.constantFrom(
        'ASTFeatureExtractor',
        'WhisperFeatureExtractor',
        'Wav2Vec2FeatureExtractor',
        'Other',
      ),
      ...Object.fromEntries(
        names.map((name) => [
          name,
          fc.oneof(
            { weight: 8, arbitrary: fc.constant(undefined) },
            { weight: 1, arbitrary: value },
          ),
        ]),
      ),
    });
    let described = 0;
    fc.assert(
      fc.property(preprocessor, (given) => {
        try {
          const { fields } = describeIt(given);
          const { name, version, files } = valid;
          hubTask.check({ name, version, files, ...fields }, 'hf:a/b');
          described += 1;
        } catch (error) {
          if (!isTabserveError(error, 'manifest-invalid')) throw error;
        }
      }),
      { numRuns: 500 },
    );
    expect(described).toBeGreaterThan(20);
  });
});
