/** The Cache API in memory, as far as the store uses it. */
export class MemoryCaches {
  readonly #caches = new Map<string, Map<string, Response>>();
  /** Is thrown by the next `put()`. */
  putError: Error | undefined;

  async open(name: string) {
    const entries = this.#caches.get(name) ?? new Map<string, Response>();
    this.#caches.set(name, entries);
    return {
      match: async (url: string) => entries.get(url)?.clone(),
      put: async (url: string, response: Response) => {
        const { putError } = this;
        this.putError = undefined;
        if (putError) throw putError;
        if (!/^https?:/.test(url)) throw new TypeError(`${url} cannot be cached.`);
        entries.set(url, response);
      },
      delete: async (url: string) => entries.delete(url),
      keys: async () => [...entries.keys()].map((url) => new Request(url)),
    };
  }
}
