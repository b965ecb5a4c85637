/** Web Locks in memory, exclusive ones, as tabs and workers of one origin share them. */

interface Waiting {
  page: string;
  begin(): void;
}

interface Holder {
  page: string;
  release(error?: unknown): void;
}

/** The locks of an origin. Its own `request` is that of a page without a name. */
export class MemoryLocks {
  readonly #held = new Map<string, Holder>();
  readonly #lines = new Map<string, Waiting[]>();
  /** Is thrown instead of any lock, as by an origin that may not have them. */
  refusal: Error | undefined;

  /** The names of locks that somebody holds or waits for. */
  get names(): string[] {
    const awaited = [...this.#lines].filter(([, line]) => line.length > 0);
    return [...new Set([...this.#held.keys(), ...awaited.map(([name]) => name)])];
  }

  /** Which page holds what. */
  get holders(): Record<string, string> {
    return Object.fromEntries([...this.#held].map(([name, { page }]) => [name, page]));
  }

  readonly request = this.of('').request;

  /** The locks as one page sees them: `request(name, task)` or `request(name, options, task)`. */
  of(page: string): Pick<LockManager, 'request'> {
    const request = (name: string, ...rest: unknown[]) => {
      const task = rest.at(-1) as () => unknown;
      return this.#request(page, name, rest.length > 1 ? (rest[0] as LockOptions) : {}, task);
    };
    return { request: request as LockManager['request'] };
  }

  /** Frees a lock whose holder has died. */
  release(name: string): void {
    this.#held.get(name)?.release();
  }

  /** The page has crashed: what it held is free, and it stands in no line. */
  end(page: string): void {
    for (const line of this.#lines.values()) {
      line.splice(0, line.length, ...line.filter((waiting) => waiting.page !== page));
    }
    for (const held of [...this.#held.values()]) if (held.page === page) held.release();
  }

  async #request(
    page: string,
    name: string,
    { signal, steal = false }: LockOptions,
    task: () => unknown,
  ): Promise<unknown> {
    if (this.refusal) throw this.refusal;
    signal?.throwIfAborted();
    const line = this.#lines.get(name) ?? [];
    this.#lines.set(name, line);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        line.splice(line.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        page,
        begin: () => {
          signal?.removeEventListener('abort', giveUp);
          const release = (error?: unknown) => {
            if (this.#held.get(name) !== holder) return;
            this.#held.delete(name);
            if (error) reject(error);
            line.shift()?.begin();
          };
          const holder: Holder = { page, release };
          this.#held.set(name, holder);
          Promise.resolve()
            .then(task)
            .then(resolve, reject)
            .finally(() => release());
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      if (steal) line.unshift(waiting);
      else line.push(waiting);
      const holder = this.#held.get(name);
      if (!holder) line.shift()?.begin();
      else if (steal) holder.release(new DOMException('Stolen.', 'AbortError'));
    });
  }
}
