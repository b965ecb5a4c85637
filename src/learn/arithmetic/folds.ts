/** Parts of a data set that each have their share of every class. */
import { randomOf, shuffle } from './random.js';

/**
 * Deals the examples out into `folds` parts, class by class: the counts of a class in two parts
 * differ by one at most, and so do the sizes of the parts.
 *
 * @param classes - The class number of each example.
 * @param seed - The same seed deals in the same way.
 * @returns The part of each example, 0…`folds` − 1.
 */
export function stratifiedFolds(
  classes: ArrayLike<number>,
  folds: number,
  seed: number,
): Uint32Array {
  const random = randomOf(seed);
  const part = new Uint32Array(classes.length);
  // Going on where the class before has ended keeps the parts alike in size.
  let next = 0;
  for (const members of membersOf(classes)) {
    for (const example of shuffle(members, random)) {
      part[example] = next;
      next = (next + 1) % folds;
    }
  }
  return part;
}

/**
 * Chooses examples to be held out: of each class `fraction`, rounded, but at least one and not all.
 * A class of one example keeps it.
 *
 * @returns For each example whether it is held out.
 */
export function stratifiedHoldOut(
  classes: ArrayLike<number>,
  fraction: number,
  seed: number,
): boolean[] {
  const random = randomOf(seed);
  const isOut = new Array<boolean>(classes.length).fill(false);
  for (const members of membersOf(classes)) {
    const most = members.length - 1;
    const count = Math.min(most, Math.max(1, Math.round(fraction * members.length)));
    for (const example of shuffle(members, random).slice(0, Math.max(0, count))) {
      isOut[example] = true;
    }
  }
  return isOut;
}

/** The examples of each class. */
function membersOf(classes: ArrayLike<number>): number[][] {
  const members: number[][] = [];
  for (let i = 0; i < classes.length; i++) {
    const at = classes[i] as number;
    members[at] ??= [];
    members[at].push(i);
  }
  return members.filter((each) => each !== undefined);
}

/** How many examples each of `count` classes has. */
export function countsOf(classes: ArrayLike<number>, count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (let i = 0; i < classes.length; i++) {
    const at = classes[i] as number;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}
