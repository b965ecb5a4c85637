/**
 * How much noise hides: the accountant of the (subsampled) Gaussian mechanism by Rényi differential privacy.
 *
 * Source: I. Mironov, "Rényi differential privacy", 2017, for whole rounds; I. Mironov, K. Talwar and L. Zhang, "Rényi
 * differential privacy of the sampled Gaussian mechanism", 2019, section 3.3, for rounds that take part by chance;
 * C. Canonne, G. Kamath and T. Steinke, "The discrete Gaussian for differential privacy", 2020, proposition 12, for
 * epsilon.
 */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';

/** What {@link privacySpent} is told. */
export interface PrivacyOptions {
  /** The noise's standard deviation, divided by what one side's part can change at most. Above 0. */
  noiseMultiplier: number;
  /** How often the mechanism was used, 1 to 10⁶. */
  rounds: number;
  /** The chance of taking part in a round, each time anew, above 0. @default 1 */
  samplingRate?: number;
  /** The chance that the promise does not hold, between 0 and 1. @default 1e-5 */
  delta?: number;
}

/** A promise of (epsilon, delta)-differential privacy. */
export interface PrivacySpent {
  /** No answer is more than e^epsilon times as likely with the data as without them, but for `delta`. */
  epsilon: number;
  delta: number;
}

/** Rényi orders. The best of them gives epsilon; others could only give a smaller one. */
const orders = [...Array.from({ length: 62 }, (_, at) => at + 2), 80, 96, 128, 256, 512, 1024];

/**
 * What was promised after so many rounds.
 *
 * @throws TabserveError `invalid-argument`.
 */
export function privacySpent({
  noiseMultiplier,
  rounds,
  samplingRate = 1,
  delta = 1e-5,
}: PrivacyOptions): PrivacySpent {
  const within = (name: string, value: number, isRight: boolean, expected: string) => {
    if (isRight) return;
    throw new TabserveError(
      'invalid-argument',
      `The option "${name}" is ${shown(value)}; it takes ${expected}.`,
      { details: { option: name, expected } },
    );
  };
  within('noiseMultiplier', noiseMultiplier, noiseMultiplier > 0, 'a number above 0');
  const isCount = Number.isInteger(rounds) && rounds >= 1 && rounds <= 1e6;
  within('rounds', rounds, isCount, 'a whole number from 1 to 1000000');
  const isRate = samplingRate > 0 && samplingRate <= 1;
  within('samplingRate', samplingRate, isRate, 'a number above 0 and up to 1');
  within('delta', delta, delta > 0 && delta < 1, 'a number between 0 and 1');
  const epsilons = orders.map((order) => {
    const spent = rounds * divergence(order, noiseMultiplier, samplingRate);
    return spent + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
  });
  return { epsilon: Math.max(0, Math.min(...epsilons)), delta };
}

/** Rényi's divergence of this order after one round. */
function divergence(order: number, noise: number, rate: number): number {
  const variance = noise ** 2;
  if (rate === 1) return order / (2 * variance);
  // The logarithm of a sum over how many of `order` draws took part.
  const terms: number[] = [];
  let choose = 0;
  for (let k = 0; k <= order; k++) {
    if (k > 0) choose += Math.log(order - k + 1) - Math.log(k);
    const apart = k > 1 ? (k * k - k) / (2 * variance) : 0;
    terms.push(choose + k * Math.log(rate) + (order - k) * Math.log1p(-rate) + apart);
  }
  const most = Math.max(...terms);
  // So little noise hides nothing.
  if (most === Infinity) return Infinity;
  return (most + Math.log(terms.reduce((sum, t) => sum + Math.exp(t - most), 0))) / (order - 1);
}
