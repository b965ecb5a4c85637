/** Web Locks for several pages of one test, which may end without warning. */

interface Waiting {
  page: string;
  begin(): void;
}

/** The locks of an origin. */
export class Locks {
  readonly #held = new Map<string, { page: string; release(error?: unknown): void }>();
  readonly #lines = new Map<string, Waiting[]>();

  /** The locks as one page sees them. */
  of(page: string): Pick<LockManager, 'request'> {
    const request = (name: string, ...rest: unknown[]) => {
      const [options, callback] = (rest.length === 1 ? [{}, rest[0]] : rest) as [
        LockOptions,
        () => unknown,
      ];
      return this.#request(page, name, options, callback);
    };
    return { request: request as LockManager['request'] };
  }

  /** The page has crashed: what it held is free, and it stands in no line. */
  end(page: string): void {
    for (const [name, line] of this.#lines) {
      this.#lines.set(
        name,
        line.filter((waiting) => waiting.page !== page),
      );
    }
    for (const held of [...this.#held.values()]) if (held.page === page) held.release();
  }

  /** Who holds what. */
  get holders(): Record<string, string> {
    return Object.fromEntries([...this.#held].map(([name, { page }]) => [name, page]));
  }

  #request(
    page: string,
    name: string,
    { signal, steal = false }: LockOptions,
    callback: () => unknown,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        let isOver = false;
        const release = (error?: unknown) => {
          if (isOver) return;
          isOver = true;
          if (this.#held.get(name)?.release === release) this.#held.delete(name);
          if (error) reject(error);
          this.#next(name);
        };
        this.#held.set(name, { page, release });
        Promise.resolve()
          .then(callback)
          .then(resolve, reject)
          .finally(() => release());
      };
      if (signal?.aborted) return reject(signal.reason);
      const waiting: Waiting = { page, begin };
      if (steal) {
        const line = this.#lines.get(name) ?? [];
        this.#lines.set(name, [waiting, ...line]);
        const held = this.#held.get(name);
        if (held) held.release(new DOMException('Stolen.', 'AbortError'));
        else this.#next(name);
        return;
      }
      this.#lines.set(name, [...(this.#lines.get(name) ?? []), waiting]);
      signal?.addEventListener('abort', () => {
        const line = this.#lines.get(name) ?? [];
        if (!line.includes(waiting)) return;
        this.#lines.set(
          name,
          line.filter((each) => each !== waiting),
        );
        reject(signal.reason);
      });
      this.#next(name);
    });
  }

  #next(name: string): void {
    if (this.#held.has(name)) return;
    this.#lines.get(name)?.shift()?.begin();
  }
}
