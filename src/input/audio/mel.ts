/**
 * Banks of triangular filters that are spaced as people hear pitch: the mel scale.
 *
 * Source: Transformers 5.23, `audio_utils.mel_filter_bank`, and torchaudio 2.11,
 * `compliance.kaldi.get_mel_banks`.
 */

/** A bank of filters over the bins of a power spectrum. */
export interface MelFilters {
  /**
   * The power in each filter's band.
   *
   * @param power - One number per bin of the spectrum.
   * @param mel - Receives one number per filter.
   */
  apply(power: Float64Array, mel: Float64Array): void;
}

/** Kaldi's filters: triangles on the mel axis, natural logarithm, not normalised. */
export function kaldiFilters(spec: {
  /** Filters. */
  count: number;
  fftLength: number;
  /** Hz. */
  samplingRate: number;
  /** Hz of the lowest filter's foot. The highest one's is the Nyquist frequency. */
  lowest: number;
}): MelFilters {
  const toMel = (hertz: number) => 1127 * Math.log(1 + hertz / 700);
  const { fftLength, samplingRate } = spec;
  const bins = Array.from({ length: fftLength / 2 + 1 }, (_, bin) =>
    toMel((bin * samplingRate) / fftLength),
  );
  const points = spaced(toMel(spec.lowest), toMel(samplingRate / 2), spec.count + 2);
  return triangles(bins, points, () => 1);
}

/** Slaney's filters, as librosa and Whisper use them: triangles in Hz, of equal area. */
export function slaneyFilters(spec: {
  /** Filters. */
  count: number;
  fftLength: number;
  /** Hz. */
  samplingRate: number;
  /** Hz of the highest filter's foot; the lowest one's is 0. */
  highest: number;
}): MelFilters {
  const bins = spaced(0, Math.floor(spec.samplingRate / 2), Math.floor(spec.fftLength / 2) + 1);
  const points = spaced(0, slaneyMel(spec.highest), spec.count + 2).map(slaneyHertz);
  return triangles(bins, points, (left, right) => 2 / (right - left));
}

/** Hz where Slaney's scale turns from linear to logarithmic, and what that is in mel. */
const [knee, kneeMel] = [1000, 15];
const logStep = Math.log(6.4) / 27;

function slaneyMel(hertz: number): number {
  return hertz < knee ? (3 * hertz) / 200 : kneeMel + Math.log(hertz / knee) / logStep;
}

function slaneyHertz(mel: number): number {
  return mel < kneeMel ? (200 * mel) / 3 : knee * Math.exp(logStep * (mel - kneeMel));
}

/** @param points - Feet and tops: the filter `i` rises from `i` to `i + 1` and falls to `i + 2`. */
function triangles(
  bins: readonly number[],
  points: readonly number[],
  gain: (left: number, right: number) => number,
): MelFilters {
  const filters = points.slice(2).map((right, index) => {
    const [left, top] = [points[index] as number, points[index + 1] as number];
    const inside = bins.flatMap((at, bin) => (at > left && at < right ? [bin] : []));
    const weights = inside.map((bin) => {
      const at = bins[bin] as number;
      return gain(left, right) * Math.min((at - left) / (top - left), (right - at) / (right - top));
    });
    return { first: inside[0] ?? 0, weights: Float64Array.from(weights) };
  });
  return {
    apply(power, mel) {
      for (const [index, { first, weights }] of filters.entries()) {
        let sum = 0;
        for (let at = 0; at < weights.length; at += 1) {
          sum += (weights[at] as number) * (power[first + at] as number);
        }
        mel[index] = sum;
      }
    },
  };
}

function spaced(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + ((to - from) * index) / (count - 1));
}
