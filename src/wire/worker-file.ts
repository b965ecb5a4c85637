/**
 * A worker from its script's file, where `workerUrl` names one or the page's policy forbids the inlined
 * script, and why it did not start.
 */
import { messageOf, TabserveError } from '../base/errors.js';
import type { Fallback } from '../base/types.js';
import { version } from '../base/version.js';

/**
 * @param url - Of the file; `null` where there is none.
 * @param start - Starts a worker from an address.
 * @param refusal - Why the inlined script did not start; `undefined` where it was not tried.
 * @throws TabserveError `worker-blocked`.
 */
export async function startFile(
  url: string | null,
  start: (url: string) => Promise<Worker>,
  refusal: unknown,
): Promise<{ worker: Worker; url: string; fallbacks: readonly Fallback[] }> {
  const why = refusal === undefined ? [] : [messageOf(refusal)];
  if (url === null) throw blocked(why, 'blob:', refusal);
  try {
    const worker = await start(url);
    const from = 'the inlined worker script';
    return { worker, url, fallbacks: why.map((reason) => ({ from, to: url, reason })) };
  } catch (error) {
    // A browser does not say why a script did not load; asking for it once more does.
    const explained = await explain(url, messageOf(error));
    throw blocked([...why, `From ${url}: ${explained}`], url, error);
  }
}

function blocked(reasons: readonly string[], url: string, cause: unknown): TabserveError {
  return new TabserveError(
    'worker-blocked',
    `The worker did not start. ${reasons.join(' ')} Allow worker-src blob:, or serve the worker files of tabserve ${version} on the page's own origin and set the option workerUrl to their folder.`,
    { details: { url }, cause },
  );
}

/**
 * @param error - What the browser said.
 * @returns One or two sentences with what was found and what to do.
 */
async function explain(url: string, error: string): Promise<string> {
  if (/TrustedScriptURL|trusted-types/.test(error)) {
    return `${error}. Allow the policy by "trusted-types tabserve 'allow-duplicates'".`;
  }
  if (!url.startsWith('blob:') && new URL(url).origin !== location.origin) {
    return `${error}. It is of another origin (${new URL(url).origin}) than the page (${location.origin}), and workers may not be.`;
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(url);
    text = await response.text();
  } catch (cause) {
    return `${error}; it cannot be fetched either (${cause}).`;
  }
  if (!response.ok) return `it answers with HTTP ${response.status}.`;
  if (/^\s*</.test(text)) {
    return `it is a web page that begins with ${JSON.stringify(text.slice(0, 40))}; servers often answer a wrong address with their index page.`;
  }
  const type = response.headers.get('content-type') ?? 'none';
  if (!/javascript|ecmascript/.test(type)) {
    return `it is served with the MIME type ${type}, and has to be text/javascript.`;
  }
  const policy = response.headers.get('cross-origin-embedder-policy') ?? '';
  if (globalThis.crossOriginIsolated && !/require-corp|credentialless/.test(policy)) {
    return `${error}. The page is cross-origin isolated, so the file has to be served with Cross-Origin-Embedder-Policy: require-corp too.`;
  }
  return `${error}.`;
}
