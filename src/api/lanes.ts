/** Several questions of one call, a few at a time. */

/**
 * Asks about each of `sources`, and gives the answers in their order. The first failure ends the others.
 *
 * @param ask - Its signal aborts when another one has failed, or `given` does.
 * @param lanes - How many are worth having under way; asked again after each answer.
 * @throws what the first `ask()` that fails throws.
 */
export async function inLanes<Source>(
  sources: readonly Source[],
  ask: (source: Source, index: number, signal: AbortSignal) => Promise<unknown>,
  lanes: () => number,
  given?: AbortSignal,
): Promise<unknown[]> {
  const results: unknown[] = [];
  const siblingFailed = new AbortController();
  const signal = AbortSignal.any(given ? [siblingFailed.signal, given] : [siblingFailed.signal]);
  const queue = sources.entries();
  const all: Promise<void>[] = [];
  const lane = async () => {
    for (const [index, source] of queue) {
      results[index] = await ask(source, index, signal);
      more();
    }
  };
  const more = () => {
    while (all.length < lanes()) all.push(lane());
  };
  try {
    more();
    // Those that are begun meanwhile are waited for too.
    for (let ended = 0; ended < all.length; ) {
      ended = all.length;
      await Promise.all(all);
    }
    return results;
  } catch (error) {
    siblingFailed.abort(error);
    throw error;
  }
}
