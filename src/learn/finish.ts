/** Drives long work that pauses by itself. */

/** Does all of it at once. */
export function finish<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
