/**
 * Minimises a smooth function by L-BFGS.
 *
 * Source: J. Nocedal, S. Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5, with the
 * bisection of A. Lewis and M. Overton ("Nonsmooth optimization via quasi-Newton methods", 2013,
 * algorithm 2.6) for the weak Wolfe conditions.
 */
import { addTimes, dot } from './vectors.js';

/** Gives the value at `x` and writes the gradient into `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** When {@link minimise} stops. */
export interface StopWhen {
  /** The largest component of the gradient is no larger. */
  tolerance: number;
  /** So many steps were made. */
  mostSteps: number;
}

/** What came of it. */
export interface Minimum {
  value: number;
  steps: number;
  /** Whether the tolerance was reached; else the steps or the numbers' precision have run out. */
  converged: boolean;
}

/** Steps that the curvature is estimated from. */
const memory = 10;

/** Most evaluations of one line search. */
const mostTrials = 40;

/** A step has to bring this part of what the slope promises (c₁), and flatten the slope to that (c₂). */
const decrease = 1e-4;
const flattening = 0.9;

/**
 * Minimises in place, with a pause after each evaluation: whoever drives the generator may do other
 * things there, or give up.
 *
 * @param x - Where to start; the minimum in the end.
 */
export function* minimise(
  objective: Objective,
  x: Float64Array,
  { tolerance, mostSteps }: StopWhen,
): Generator<void, Minimum> {
  const { length } = x;
  const gradient = new Float64Array(length);
  const nextX = new Float64Array(length);
  const nextGradient = new Float64Array(length);
  const direction = new Float64Array(length);
  const pairs: Pair[] = [];
  let value = objective(x, gradient);
  yield;
  for (let steps = 0; ; steps++) {
    const converged = largest(gradient) <= tolerance;
    if (converged || steps >= mostSteps) return { value, steps, converged };
    descend(gradient, pairs, direction);
    let slope = dot(gradient, 0, direction, 0, length);
    if (!(slope < 0)) {
      pairs.length = 0;
      descend(gradient, pairs, direction);
      slope = dot(gradient, 0, direction, 0, length);
    }
    let step = 1;
    let below = 0;
    let above = Infinity;
    let nextValue = value;
    let isGood = false;
    for (let trial = 0; trial < mostTrials && !isGood; trial++) {
      for (let i = 0; i < length; i++) {
        nextX[i] = (x[i] as number) + step * (direction[i] as number);
      }
      nextValue = objective(nextX, nextGradient);
      yield;
      if (!(nextValue <= value + decrease * step * slope)) above = step;
      else if (dot(nextGradient, 0, direction, 0, length) < flattening * slope) below = step;
      else isGood = true;
      if (!isGood) step = above < Infinity ? (below + above) / 2 : 2 * step;
    }
    // Rounding hides whatever could still be gained.
    if (!isGood && !(nextValue < value)) return { value, steps, converged: false };
    remember(pairs, difference(nextX, x), difference(nextGradient, gradient));
    x.set(nextX);
    gradient.set(nextGradient);
    value = nextValue;
  }
}

/** A step, and how it changed the gradient. */
interface Pair {
  step: Float64Array;
  change: Float64Array;
  /** One through their product. */
  rho: number;
}

function remember(pairs: Pair[], step: Float64Array, change: Float64Array): void {
  const product = dot(step, 0, change, 0, step.length);
  if (!(product > 1e-300)) return;
  pairs.push({ step, change, rho: 1 / product });
  if (pairs.length > memory) pairs.shift();
}

/** The two-loop recursion: the negative gradient times the estimate of the inverse Hessian. */
function descend(gradient: Float64Array, pairs: readonly Pair[], direction: Float64Array): void {
  const { length } = gradient;
  for (let i = 0; i < length; i++) direction[i] = -(gradient[i] as number);
  const factors: number[] = [];
  for (const { step, change, rho } of pairs.toReversed()) {
    const factor = rho * dot(step, 0, direction, 0, length);
    factors.push(factor);
    addTimes(-factor, change, 0, direction, 0, length);
  }
  const last = pairs.at(-1);
  const scale = last
    ? 1 / (last.rho * dot(last.change, 0, last.change, 0, length))
    : 1 / Math.max(1, Math.sqrt(dot(gradient, 0, gradient, 0, length)));
  for (let i = 0; i < length; i++) direction[i] = scale * (direction[i] as number);
  for (const { step, change, rho } of pairs) {
    const factor = factors.pop() as number;
    const back = rho * dot(change, 0, direction, 0, length);
    addTimes(factor - back, step, 0, direction, 0, length);
  }
}

function largest(numbers: Float64Array): number {
  let most = 0;
  for (const each of numbers) most = Math.max(most, Math.abs(each));
  return most;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - (b[i] as number));
}
