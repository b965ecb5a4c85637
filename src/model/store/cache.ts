/**
 * The store in the Cache API, for browsers without a usable private file system. It keeps whole
 * files only: a broken download starts over.
 */
import { startDigest } from '../digest.js';
import type { ModelStore, StoredFile } from './store.js';

const cacheName = 'tabserve';

/** Names for the Cache API, which takes only `http` addresses. Never fetched: `.invalid` has none. */
const fileBase = 'https://tabserve.invalid/files/';
const recordBase = 'https://tabserve.invalid/records/';

const lastUsedHeader = 'x-last-used';

/** Opens the store. Throws what the browser throws where there is no Cache API. */
export async function openCacheStore(): Promise<ModelStore> {
  return new CacheStore(await caches.open(cacheName));
}

class CacheStore implements ModelStore {
  readonly kind = 'cache';
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async read(
    sha256: string,
    onRead?: (bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array<ArrayBuffer> | 'corrupt' | undefined> {
    const response = await this.#cache.match(fileBase + sha256);
    if (!response) return undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    onRead?.(bytes);
    const digest = startDigest(bytes.length);
    digest.update(bytes);
    if ((await digest.finish(bytes)) === sha256) return bytes;
    await this.remove(sha256);
    return 'corrupt';
  }

  async begun(): Promise<null> {
    return null;
  }

  async partial(): Promise<null> {
    return null;
  }

  async commit(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { 'content-length': `${bytes.length}`, [lastUsedHeader]: `${Date.now()}` };
    await this.#cache.put(fileBase + sha256, new Response(bytes, { headers }));
  }

  async touch(): Promise<void> {
    // A new time would mean writing the whole file again.
  }

  async list(): Promise<StoredFile[]> {
    const files: StoredFile[] = [];
    for (const { url } of await this.#cache.keys()) {
      if (!url.startsWith(fileBase)) continue;
      const response = await this.#cache.match(url);
      files.push({
        sha256: url.slice(fileBase.length),
        bytes: Number(response?.headers.get('content-length') ?? 0),
        lastUsed: Number(response?.headers.get(lastUsedHeader) ?? 0),
        whole: true,
      });
    }
    return files.sort((a, b) => a.lastUsed - b.lastUsed);
  }

  async remove(sha256: string): Promise<void> {
    await this.#cache.delete(fileBase + sha256);
  }

  async readRecord(name: string): Promise<unknown> {
    const response = await this.#cache.match(recordBase + name);
    return response?.json().catch(() => undefined);
  }

  async writeRecord(name: string, value: unknown): Promise<void> {
    if (value === undefined) await this.#cache.delete(recordBase + name);
    else await this.#cache.put(recordBase + name, Response.json(value));
  }

  async listRecords(): Promise<string[]> {
    const urls = (await this.#cache.keys()).map((request) => request.url);
    return urls
      .filter((url) => url.startsWith(recordBase))
      .map((url) => url.slice(recordBase.length));
  }
}
