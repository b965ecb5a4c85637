/** Why a worker's file did not start, found out by asking for it once more. */

/**
 * @param error - What the browser said.
 * @returns One or two sentences with what was found and what to do.
 */
export async function explainWorkerFile(url: string, error: string): Promise<string> {
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
