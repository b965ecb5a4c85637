/**
 * Classifiers of sounds on the Hugging Face hub, described by `config.json` and the feature extractor
 * in `preprocessor_config.json`, as manifests.
 *
 * The reference is transformers 5.23: the defaults of its extractors, and what its pipeline for audio
 * classification does with the logits.
 */
import { TabserveError } from '../../base/errors.js';
import { maxSampleRate, minSampleRate } from '../../input/audio/resample.js';
import type { AudioFeatures } from '../../input/audio/types.js';
import { scoresOutput } from '../../model/complete.js';
import {
  asFields,
  boolean,
  type Fields,
  invalid,
  isFields,
  number,
  shown,
} from '../../model/hub-fields.js';
import { labelsOf } from '../../model/hub-labels.js';
import { checkManifest } from '../../model/manifest-check.js';
import type { OnnxModel } from '../../model/onnx/graph.js';
import type { CompleteRequest, HubTask } from '../../model/translation.js';
import { manifestCheck } from './manifest.js';
import type { AudioManifest } from './types.js';

const file = 'preprocessor_config.json';
const extractors = ['ASTFeatureExtractor', 'WhisperFeatureExtractor', 'Wav2Vec2FeatureExtractor'];

/**
 * Values of `model_type` whose models take sounds, with the extractor that is meant where a repository
 * names none, as in the first years. `null`: one that is not among them.
 *
 * Source: transformers 5, `feature_extraction_auto.py`.
 */
const byModelType: Readonly<Record<string, string | null>> = {
  'audio-spectrogram-transformer': 'ASTFeatureExtractor',
  clap: null,
  'data2vec-audio': 'Wav2Vec2FeatureExtractor',
  hubert: 'Wav2Vec2FeatureExtractor',
  sew: 'Wav2Vec2FeatureExtractor',
  'sew-d': 'Wav2Vec2FeatureExtractor',
  unispeech: 'Wav2Vec2FeatureExtractor',
  'unispeech-sat': 'Wav2Vec2FeatureExtractor',
  wav2vec2: 'Wav2Vec2FeatureExtractor',
  'wav2vec2-bert': null,
  'wav2vec2-conformer': 'Wav2Vec2FeatureExtractor',
  wavlm: 'Wav2Vec2FeatureExtractor',
  whisper: 'WhisperFeatureExtractor',
};

/** Fields that are read, or mean nothing to one sound. */
const knownFields: ReadonlySet<string> = new Set([
  'auto_map',
  'chunk_length',
  'dither',
  'do_normalize',
  'feature_extractor_type',
  'feature_size',
  'hop_length',
  'max_length',
  'mean',
  'mel_filters',
  'n_fft',
  'n_samples',
  'nb_max_frames',
  'num_mel_bins',
  'padding_side',
  'padding_value',
  'processor_class',
  'return_attention_mask',
  'sampling_rate',
  'std',
]);

/** Repositories of classifiers of sounds. */
export const hubTask: HubTask = {
  name: 'audio-classification',
  recognises({ config, preprocessor }) {
    const extractor = extractorIn(preprocessor)?.feature_extractor_type;
    const model = isFields(config) ? config.model_type : undefined;
    return (
      extractors.includes(extractor as string) ||
      (typeof model === 'string' && Object.hasOwn(byModelType, model))
    );
  },
  describe({ where, config, preprocessor, addressOf }) {
    const warnings: string[] = [];
    const fields = asFields(config, where, 'config.json');
    const extractor = extractorIn(preprocessor);
    if (!extractor) {
      throw new TabserveError(
        'model-not-found',
        `${where} is a model of sounds, and its feature extractor is missing: there is no ${addressOf(file)}. Without it tabserve cannot compute the model's input.`,
        { details: { model: where, url: addressOf(file) } },
      );
    }
    const labels = labelsOf(fields, where, warnings);
    const { license, problem_type: problem, model_type: model } = fields;
    const meant =
      typeof model === 'string' && Object.hasOwn(byModelType, model) ? byModelType[model] : null;
    const preprocess = featuresOf(
      { ...extractor, feature_extractor_type: extractor.feature_extractor_type ?? meant },
      where,
      warnings,
    );
    return {
      fields: {
        task: 'audio-classification',
        ...(typeof license === 'string' && { license }),
        labels,
        input: { name: 'input', dtype: 'float32' },
        preprocess,
        output: {
          name: 'logits',
          activation:
            problem === 'regression'
              ? 'none'
              : problem === 'multi_label_classification'
                ? 'sigmoid'
                : 'softmax',
        },
      },
      warnings,
    };
  },
  check: (manifest, where) => checkManifest(manifest, where, [manifestCheck]),
  complete,
};

/** The extractor of a preprocessor's file, which may wrap it among others. */
function extractorIn(preprocessor: unknown): Fields | undefined {
  if (!isFields(preprocessor)) return undefined;
  const { feature_extractor: wrapped } = preprocessor;
  return isFields(wrapped) ? wrapped : preprocessor;
}

function featuresOf(fields: Fields, where: string, warnings: string[]): AudioFeatures {
  const flag = (name: string, fallback: boolean) => boolean(fields, name, fallback, where, file);
  const amount = (name: string, fallback: number, least: number, most: number) =>
    number(fields, name, fallback, where, file, least, most);
  const samplingRate = amount('sampling_rate', 16_000, minSampleRate, maxSampleRate);
  for (const name of Object.keys(fields)) {
    if (!knownFields.has(name)) {
      warnings.push(`The field "${name}" of ${file} is not known; it was ignored.`);
    }
  }
  switch (fields.feature_extractor_type) {
    case 'ASTFeatureExtractor':
      return {
        kind: 'kaldi-fbank',
        samplingRate,
        melBins: amount('num_mel_bins', 128, 4, 1024),
        frames: amount('max_length', 1024, 1, 60_000),
        normalize: flag('do_normalize', true),
        mean: amount('mean', -4.2677393, -1e6, 1e6),
        std: amount('std', 4.5689974, 1e-6, 1e6),
      };
    case 'WhisperFeatureExtractor':
      if (amount('dither', 0, 0, 1) > 0) {
        warnings.push(`"dither" of ${file} adds noise, which is left out.`);
      }
      for (const [name, found, expected] of otherPadding(fields)) {
        throw invalid(where, file, name, found, expected);
      }
      return {
        kind: 'whisper-log-mel',
        samplingRate,
        melBins: amount('feature_size', 80, 4, 1024),
        fftLength: amount('n_fft', 400, 2, 65_536),
        hopLength: amount('hop_length', 160, 1, 65_536),
        seconds: amount('chunk_length', 30, 0.01, 600),
      };
    case 'Wav2Vec2FeatureExtractor':
      // Only graphs of one length have anything filled up.
      for (const [name, found, expected] of otherPadding(fields)) {
        warnings.push(
          `"${name}" of ${file} is ${shown(found)}, which was read as ${expected}: sounds that are shorter than the input are filled up with zeros at the end.`,
        );
      }
      return {
        kind: 'waveform',
        samplingRate,
        normalize: flag('do_normalize', true),
        attentionMask: flag('return_attention_mask', false),
      };
  }
  throw invalid(
    where,
    file,
    'feature_extractor_type',
    fields.feature_extractor_type,
    extractors.join(', '),
  );
}

/** Ways to fill up short sounds that are not done here. (AST's extractor heeds neither.) */
function* otherPadding({
  padding_value: value,
  padding_side: side,
}: Fields): Generator<[name: string, found: unknown, expected: string]> {
  if ((value ?? 0) !== 0) yield ['padding_value', value, '0'];
  if ((side ?? 'right') !== 'right') yield ['padding_side', side, '"right"'];
}

/** Names, types and fixed lengths, which only the graph tells. */
function complete(
  { manifest, inputs, outputs, where }: CompleteRequest,
  graph: OnnxModel | null,
): AudioManifest {
  const { input, preprocess, output, ...rest } = manifest as AudioManifest;
  const labels = Array.isArray(rest.labels) ? rest.labels.length : null;
  const isWaveform = preprocess.kind === 'waveform';
  // Nothing would fill one of features.
  const mask = isWaveform ? inputs.find(({ name }) => /mask/i.test(name)) : undefined;
  const sound = inputs.find((each) => each !== mask);
  const { type, shape, name } = sound ?? { type: 'nothing', shape: [], name: '' };
  const rank = isWaveform ? 2 : 3;
  const isFloat = type === 'float32' || type === 'float16';
  if (
    !isFloat ||
    inputs.length > (mask ? 2 : 1) ||
    (shape.length !== rank && shape.length !== rank + 1)
  ) {
    const found = inputs.map((each) => `${each.name} ${each.type} [${each.shape.join(', ')}]`);
    throw new TabserveError(
      'model-invalid',
      `${where} takes ${found.join('; ') || 'nothing'}; a classifier of such sounds takes one tensor of ${rank} dimensions of float32 or float16${isWaveform ? ', and at most a mask' : ''}.`,
      { details: { model: where, found: found.join('; ') } },
    );
  }
  const length = shape.at(-1);
  const isFixed = isWaveform && typeof length === 'number';
  return {
    ...rest,
    input: {
      ...input,
      name,
      dtype: type,
      ...(shape.length > rank && { channelAxis: true }),
      ...(mask && { attentionMask: mask.name }),
    },
    preprocess: isFixed ? { ...preprocess, samples: length } : preprocess,
    output: { ...output, name: scoresOutput(outputs, graph, labels, where).output.name },
  };
}
