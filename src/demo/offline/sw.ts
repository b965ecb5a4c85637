/**
 * The demo page's service worker: the page itself comes from here, network or not.
 *
 * By hand instead of by Workbox, because all there is to do is one list of files in one cache. The
 * engine and the models are not among them: tabserve's own store keeps those that were used.
 */

/** All files of the site but engines and models, relative to this script. The build puts it in. */
declare const __SITE_FILES__: readonly string[];
/** The hash of all emitted files. The build puts it in. */
declare const __SITE_VERSION__: string;

const scope = self as unknown as ServiceWorkerGlobalScope;
const prefix = 'tabserve-demo-';
const cacheName = prefix + __SITE_VERSION__;
const home = new URL('./', scope.location.href).href;
const files = new Set(__SITE_FILES__.map((file) => new URL(file, home).href));

scope.addEventListener('install', (event) => {
  // All or nothing: a version with a hole in it is never installed.
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) =>
        cache.addAll([...files].map((url) => new Request(url, { cache: 'no-cache' }))),
      ),
  );
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const old = names.filter((name) => name.startsWith(prefix) && name !== cacheName);
      await Promise.all(old.map((name) => caches.delete(name)));
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const address = new URL(url);
  address.search = '';
  address.hash = '';
  const wanted = address.href === home ? `${home}index.html` : address.href;
  if (method === 'GET' && files.has(wanted)) event.respondWith(fromCache(wanted, event.request));
});

// The page says so when its user wants the new version; until then the old one stays.
scope.addEventListener('message', ({ data }) => {
  if (data === 'tabserve:use-new-version') void scope.skipWaiting();
});

async function fromCache(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(url)) ?? fetch(request);
}
