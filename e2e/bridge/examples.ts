/** Triton's own client examples, as its project publishes them. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where they are, as they were then. */
const source =
  'https://raw.githubusercontent.com/triton-inference-server/client/06344caed307d019c2a38ae3bf3677572e77903d/src/python/examples';

/** Those that speak HTTP and need nothing that a page cannot have. */
export const examples = [
  'simple_http_health_metadata.py',
  'simple_http_aio_health_metadata.py',
  'simple_http_infer_client.py',
  'simple_http_async_infer_client.py',
  'simple_http_aio_infer_client.py',
  'simple_http_string_infer_client.py',
  'simple_http_aio_string_infer_client.py',
] as const;

/**
 * Fetches them, unless they are there.
 *
 * @returns Whether they are there now.
 */
export async function fetchExamples(folder: string): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  for (const name of examples) {
    const path = join(folder, name);
    if (existsSync(path)) continue;
    const response = await fetch(`${source}/${name}`).catch(() => undefined);
    if (!response?.ok) return false;
    writeFileSync(path, await response.text());
  }
  return true;
}
