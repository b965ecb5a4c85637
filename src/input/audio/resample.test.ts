import { describe, expect, it } from 'vitest';
import { floatsOf, furthest, samplesOf } from './golden/read.js';
import golden from './golden/resample.json' with { type: 'json' };
import { resample } from './resample.js';

describe('resample', () => {
  for (const { from, to, method, samples, resampled } of golden) {
    it(`answers as torchaudio: ${from} to ${to} Hz, ${method}`, () => {
      const options =
        method === 'sinc_interp_kaiser'
          ? { window: 'kaiser' as const, lowpassFilterWidth: 64, rolloff: 0.9475937167399596 }
          : {};
      const found = resample(samplesOf(samples), from, to, options);
      expect(furthest(found, floatsOf(resampled))).toBeLessThan(1e-5);
    });
  }

  it('lets no tone above the new Nyquist frequency through', () => {
    const tone = Float32Array.from({ length: 44100 }, (_, at) =>
      Math.sin((2 * Math.PI * 11000 * at) / 44100),
    );
    const found = resample(tone, 44100, 16000).subarray(400, 15600);
    expect(Math.max(...found.map(Math.abs))).toBeLessThan(0.005);
  });

  it('answers clips of one sample and of none', () => {
    expect(resample(new Float32Array(0), 44100, 16000)).toHaveLength(0);
    expect(resample(Float32Array.of(1), 16000, 44100)).toHaveLength(3);
    expect(resample(Float32Array.of(1), 767_999, 16000)).toHaveLength(1);
  });

  it.each([0, -1, 2999, 44100.5, 768_001, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses a rate of %s',
    (rate) => {
      for (const [from, to] of [
        [rate, 16000],
        [16000, rate],
      ] as const) {
        expect(() => resample(new Float32Array(4), from, to)).toThrow(/3000 to 768000 Hz/);
      }
    },
  );
});
