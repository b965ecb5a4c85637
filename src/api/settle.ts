/** Many questions, a few at a time, each with its own answer or error. */

/** What became of one of many. */
export type Settled<Source, Answer> = { source: Source; index: number } & (
  | { answer: Answer; error?: undefined }
  | { error: unknown; answer?: undefined }
);

/** Options of {@link settleAll}. */
export interface SettleOptions {
  /** How many are under way at a time. */
  concurrency: number;
  /** Whether they are given in the order of the sources, rather than as they come. */
  ordered: boolean;
  signal?: AbortSignal | undefined;
}

/**
 * Asks about each of `sources`, which are read as there is room for them: none is held that is not
 * under way, or waits for one before it. An error costs nobody else the answer.
 *
 * @param ask - Its signal ends when the loop does.
 * @throws the signal's reason; what reading the sources throws.
 */
export async function* settleAll<Source, Answer>(
  sources: Iterable<Source> | AsyncIterable<Source>,
  ask: (source: Source, signal: AbortSignal) => Promise<Answer>,
  { concurrency, ordered, signal: given }: SettleOptions,
): AsyncGenerator<Settled<Source, Answer>, void> {
  const stop = new AbortController();
  const signal = AbortSignal.any(given ? [stop.signal, given] : [stop.signal]);
  const queue =
    Symbol.asyncIterator in sources ? sources[Symbol.asyncIterator]() : sources[Symbol.iterator]();
  /** Each gives itself, so that the one that has settled first can be taken out. */
  const underWay = new Map<number, Promise<Settled<Source, Answer>>>();
  let next = 0;
  let isRead = false;
  const begin = (source: Source) => {
    const index = next++;
    const settled = ask(source, signal).then(
      (answer) => ({ source, index, answer }),
      (error: unknown) => ({ source, index, error }),
    );
    underWay.set(index, settled);
  };
  try {
    for (;;) {
      while (!isRead && underWay.size < concurrency) {
        signal.throwIfAborted();
        const { done, value } = await queue.next();
        if (done) isRead = true;
        else begin(value);
      }
      const [oldest] = underWay.values();
      if (!oldest) return;
      const settled = await (ordered ? oldest : Promise.race(underWay.values()));
      signal.throwIfAborted();
      underWay.delete(settled.index);
      yield settled;
    }
  } finally {
    stop.abort(new DOMException('The loop has ended.', 'AbortError'));
    if (!isRead) await queue.return?.(undefined);
  }
}
