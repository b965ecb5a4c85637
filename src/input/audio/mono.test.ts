import { describe, expect, it } from 'vitest';
import { audioCheck, toMono } from './mono.js';
import { resample } from './resample.js';

const tone = (length: number) => Float32Array.from({ length }, (_, at) => Math.sin(at / 7));
const audio = (...channels: Float32Array<ArrayBuffer>[]) => ({
  channels,
  sampleRate: 44100,
  isCut: false,
  isBrowserResampled: false,
});

describe('toMono', () => {
  it('takes the mean of the channels before it resamples', () => {
    const { samples } = toMono(
      audio(
        tone(4410),
        tone(4410).map((each) => each * 3),
      ),
      16000,
      1e6,
    );
    const expected = resample(
      tone(4410).map((each) => each * 2),
      44100,
      16000,
    );
    expect(samples).toEqual(expected);
  });

  it.each([8000, 16000, 44100, 96000])(
    'gives of a long sound at %i Hz the beginning of what all of it would give',
    (rate) => {
      const long = { ...audio(tone(rate)), sampleRate: rate };
      const whole = toMono(long, 16000, 1e6);
      const part = toMono(long, 16000, 5000);
      expect(whole.isTruncated).toBe(false);
      expect(part.isTruncated).toBe(true);
      expect(part.samples).toEqual(whole.samples.subarray(0, 5000));
    },
  );

  it('names the first sample that is no number', () => {
    const wrong = tone(100);
    wrong[40] = Number.NaN;
    wrong[50] = Number.POSITIVE_INFINITY;
    expect(() => toMono(audio(tone(100), wrong), 16000, 1e6)).toThrow(/Sample 40 .* NaN/);
  });
});

describe('a sound in a message', () => {
  it('is let through', () => {
    expect(audioCheck(audio(tone(3), tone(3)), 'payload')).toBeUndefined();
  });

  it.each([
    audio(),
    audio(tone(0)),
    audio(tone(3), tone(4)),
    audio(...Array.from({ length: 33 }, () => tone(1))),
    { ...audio(tone(3)), sampleRate: 0 },
    { ...audio(tone(3)), sampleRate: 44100.5 },
    { ...audio(tone(3)), channels: [[1, 2, 3]] },
    { ...audio(tone(3)), isCut: 1 },
    null,
  ])('is refused: %#', (wrong) => {
    expect(audioCheck(wrong, 'payload')).toMatch(/payload/);
  });
});
