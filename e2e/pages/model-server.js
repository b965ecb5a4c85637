// A page that serves models, as an author without a bundler would write it.
import * as tabserve from '/dist/index.js';
import { ModelServer } from '/dist/server.js';

window.tabserve = tabserve;
window.ModelServer = ModelServer;

const fromBase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

async function toBase64(blob) {
  const reader = new FileReader();
  const read = new Promise((resolve) => {
    reader.onload = resolve;
  });
  reader.readAsDataURL(blob);
  await read;
  return reader.result.slice(reader.result.indexOf(',') + 1);
}

const underWay = new Map();

/** Hands a request from elsewhere to a server, and its answer back, byte by byte. */
window.bridge = async ({ id, method, url, headers, body }) => {
  const gone = new AbortController();
  underWay.set(id, gone);
  const request = new Request(url, {
    method,
    signal: gone.signal,
    ...(body !== null && { body: fromBase64(body) }),
  });
  // A page may not set some of them for its own requests; these are somebody else's.
  Object.defineProperty(request, 'headers', { value: new Headers(headers) });
  try {
    const response = await window.server.handle(request);
    return {
      status: response.status,
      headers: [...response.headers],
      body: await toBase64(await response.blob()),
    };
  } finally {
    underWay.delete(id);
  }
};

/** The caller of a request has gone. */
window.bridgeGone = (id) => underWay.get(id)?.abort();
