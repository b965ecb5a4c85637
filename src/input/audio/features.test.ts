import { describe, expect, it } from 'vitest';
import { openFeatures } from './features.js';
import golden from './golden/features.json' with { type: 'json' };
import { floatsOf, furthest, samplesOf } from './golden/read.js';
import { powerSpectrumOf } from './power-spectrum.js';
import type { AudioFeatures } from './types.js';

interface Case {
  extractor: string;
  config: Record<string, number | boolean>;
  clip: string;
  call?: Record<string, number | boolean | string>;
  features: { dims: number[]; every?: number; rows?: string; step?: number; row?: string };
  mask?: number;
}

const clips: Record<string, string> = golden.clips;

/** What a case's extractor is called here. */
function featuresOf({ extractor, config, call }: Case): AudioFeatures {
  const options = { ...config, ...call } as Record<string, never>;
  switch (extractor) {
    case 'ASTFeatureExtractor':
      return {
        kind: 'kaldi-fbank',
        samplingRate: 16000,
        melBins: options.num_mel_bins,
        frames: options.max_length,
        normalize: options.do_normalize,
        mean: options.mean,
        std: options.std,
      };
    case 'WhisperFeatureExtractor':
      return {
        kind: 'whisper-log-mel',
        samplingRate: 16000,
        melBins: options.feature_size,
        seconds: options.chunk_length,
        normalize: options.do_normalize,
      };
    default:
      return {
        kind: 'waveform',
        samplingRate: 16000,
        normalize: options.do_normalize,
        samples: options.max_length,
        attentionMask: options.return_attention_mask,
      };
  }
}

describe('openFeatures', () => {
  for (const each of golden.cases as Case[]) {
    const { extractor, config, clip, call, features } = each;
    it(`answers as ${extractor} ${JSON.stringify({ ...config, ...call })}: ${clip}`, () => {
      const found = openFeatures(featuresOf(each)).extract(samplesOf(clips[clip] ?? ''));
      const { dims, every = 1, rows, step = 1, row } = features;
      const [height = 1, width = 1] = dims;
      expect(found.dims).toEqual(rows ? dims : [width]);
      const expected = floatsOf(rows ?? row ?? '');
      const kept = rows
        ? Array.from({ length: height }, (_, at) => at)
            .filter((at) => at % every === 0)
            .flatMap((at) => [...found.data.subarray(at * width, (at + 1) * width)])
        : [...found.data].filter((_, at) => at % step === 0);
      expect(furthest(kept, expected)).toBeLessThan(1e-4);
    });
  }

  it('says how much of a long clip it looked at', () => {
    const hour = new Float32Array(16000 * 60);
    const used = (features: AudioFeatures) => openFeatures(features).extract(hour).used;
    expect(used({ kind: 'kaldi-fbank', samplingRate: 16000 })).toBe(400 + 160 * 1023);
    expect(used({ kind: 'whisper-log-mel', samplingRate: 16000 })).toBe(480_000);
    expect(used({ kind: 'waveform', samplingRate: 16000 })).toBe(480_000);
  });

  it('refuses what is shorter than one frame of Kaldi', () => {
    const kaldi = openFeatures({ kind: 'kaldi-fbank', samplingRate: 16000 });
    expect(() => kaldi.extract(new Float32Array(399))).toThrow(/399 samples at 16000 Hz.*400/);
    expect(kaldi.extract(new Float32Array(400)).dims).toEqual([1024, 128]);
  });
});

describe('powerSpectrumOf', () => {
  it.each([2, 4, 6, 10, 400, 512, 1022])('is the plain sum for %i samples', (size) => {
    const frame = Float64Array.from({ length: size }, (_, at) => Math.sin(at * at) + 0.1);
    const power = new Float64Array(size / 2 + 1);
    powerSpectrumOf(size)(frame, power);
    const expected = power.map((_, k) => {
      let [real, imaginary] = [0, 0];
      for (const [n, value] of frame.entries()) {
        real += value * Math.cos((2 * Math.PI * k * n) / size);
        imaginary -= value * Math.sin((2 * Math.PI * k * n) / size);
      }
      return real ** 2 + imaginary ** 2;
    });
    expect(furthest(power, expected)).toBeLessThan(1e-8);
  });
});
