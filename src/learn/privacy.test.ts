import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PrivacyOptions, privacySpent } from './privacy.js';

/** `privacy.py` made them with dp-accounting. */
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, 'golden/privacy.json'), 'utf8'),
) as (Required<PrivacyOptions> & { epsilon: number; best: number })[];

describe('the accountant', () => {
  it.each(golden)(
    'says what dp-accounting says: noise $noiseMultiplier, $rounds rounds at $samplingRate',
    ({ epsilon, best, ...options }) => {
      const spent = privacySpent(options);
      expect(Math.abs(spent.epsilon - epsilon)).toBeLessThan(1e-6);
      // Whole orders promise a little less, never more.
      expect(spent.epsilon).toBeGreaterThan(best - 1e-6);
      expect(spent.delta).toBe(options.delta);
    },
  );

  it.each([1, 0.5])('promises nothing for noise that is as good as none, at %d', (samplingRate) => {
    for (const noiseMultiplier of [1e-160, 1e-200]) {
      expect(privacySpent({ noiseMultiplier, rounds: 1, samplingRate }).epsilon).toBe(Infinity);
    }
  });

  it.each<PrivacyOptions>([
    { noiseMultiplier: 0, rounds: 1 },
    { noiseMultiplier: 1, rounds: 0 },
    { noiseMultiplier: 1, rounds: 1, samplingRate: 2 },
    { noiseMultiplier: 1, rounds: 1, delta: 0 },
    { noiseMultiplier: Number.NaN, rounds: 1 },
  ])('refuses %j', (options) => {
    expect(() => privacySpent(options)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});
