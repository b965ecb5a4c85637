/** One task for all who want its result at the same time. */
import { untilAborted } from './http.js';

/** A report of progress. */
type Report = (...numbers: number[]) => void;

class Task<T> {
  readonly controller = new AbortController();
  readonly followers = new Set<Report>();
  lastReport: number[] | undefined;
  /** Callers that want the result. */
  waiting = 0;
  readonly result: Promise<T>;

  constructor(start: (signal: AbortSignal, report: Report) => Promise<T>) {
    // Not at once: whoever has asked for the task is to hear its first report.
    this.result = Promise.resolve().then(() =>
      start(this.controller.signal, (...numbers) => {
        this.lastReport = numbers;
        for (const follower of this.followers) follower(...numbers);
      }),
    );
    // Whoever still waits hears of a failure; it may be nobody.
    this.result.catch(() => undefined);
  }
}

/**
 * Tasks by key: who asks for a key while its task is under way joins it. A task is aborted when the
 * last one who waits for it gives up.
 */
export class SharedTasks<T> {
  readonly #tasks = new Map<string, Task<T>>();

  /**
   * Joins the task of this key, or starts it.
   *
   * @param signal - Stops the waiting of this caller; the promise rejects with its reason.
   * @param onReport - Hears what the task reports, and at once what it reported last.
   */
  async run(
    key: string,
    signal: AbortSignal,
    onReport: Report | undefined,
    start: (signal: AbortSignal, report: Report) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const task = this.#tasks.get(key) ?? new Task(start);
    this.#tasks.set(key, task);
    if (onReport) {
      task.followers.add(onReport);
      if (task.lastReport) onReport(...task.lastReport);
    }
    task.waiting += 1;
    try {
      return await untilAborted(task.result, signal);
    } finally {
      if (onReport) task.followers.delete(onReport);
      task.waiting -= 1;
      if (task.waiting === 0) {
        if (this.#tasks.get(key) === task) this.#tasks.delete(key);
        task.controller.abort();
      }
    }
  }
}
