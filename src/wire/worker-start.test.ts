/** Workers that start, refuse to, are of another version, or never say a word. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TabserveError } from '../base/errors.js';
import { version } from '../base/version.js';
import { type WorkerScope, workerStage } from '../testing/worker.js';
import type { EngineFlavour } from './protocol.js';

/** The package's own files, which each build has elsewhere. */
const files = vi.hoisted(() => ({
  source: async (_flavour: string): Promise<string> => 'script',
  pack: async (name: string): Promise<string> => `pack ${name}`,
  file: (flavour: string): string | null => `https://page/dist/worker-${flavour}.js`,
}));
vi.mock('./package-files.js', () => ({
  workerSource: (flavour: string) => files.source(flavour),
  workerFile: (flavour: string) => files.file(flavour),
  packSource: (name: string) => files.pack(name),
  packFile: (name: string) => `https://page/dist/packs/${name}.js`,
  engineBinary: () => 'https://page/dist/engine.wasm',
  engineRest: () => 'https://page/dist/rest.wasm',
  embeddedModel: () => ({}),
}));

const ready = (flavour: string, from = version) => ({ tabserve: 'ready', flavour, version: from });
const obeys = (scope: WorkerScope) => scope.postMessage(ready('wasm'));
const isBlob = (url: string) => url.startsWith('blob:');

let stage: ReturnType<typeof workerStage>;
let document: EventTarget;

/** What was remembered of the page's policy is forgotten. */
async function start(
  options: { workerUrl?: string } = {},
  packs: readonly ('image' | 'text')[] = [],
  flavour: EngineFlavour = 'wasm',
) {
  const { startWorker } = await import('./worker-start.js');
  return startWorker(flavour, options, packs);
}
const failure = (promise: Promise<unknown>): Promise<TabserveError> =>
  promise.then(
    () => expect.fail('It started.'),
    (error: TabserveError) => error,
  );
const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(() => {
  vi.resetModules();
  stage = workerStage(obeys);
  document = new EventTarget();
  vi.stubGlobal('Worker', stage.Worker);
  vi.stubGlobal('document', document);
  vi.stubGlobal('location', new URL('https://page/index.html'));
  files.source = async () => 'script';
  files.pack = async (name) => `pack ${name}`;
  files.file = (flavour) => `https://page/dist/worker-${flavour}.js`;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a worker without workerUrl', () => {
  it('starts from its packs and its script in one blob, which it keeps until it is gone', async () => {
    const { worker, dispose, packs, fallbacks } = await start({}, ['image', 'text']);
    const [url = ''] = stage.urls;
    expect(isBlob(url)).toBe(true);
    expect(await (await fetch(url)).text()).toBe('pack image\npack text\nscript');
    expect([packs, fallbacks]).toEqual([[], []]);
    dispose();
    await expect(fetch(url)).rejects.toThrow();
    expect(stage.alive.size).toBe(1);
    worker.terminate();
  });

  it('is started from the file beside the script where the policy forbids blobs, and says so', async () => {
    stage.script = (scope) => {
      if (!isBlob(scope.url)) return obeys(scope);
      scope.fail('');
      const event = new Event('securitypolicyviolation');
      document.dispatchEvent(
        Object.assign(event, {
          effectiveDirective: 'worker-src',
          blockedURI: 'blob',
          originalPolicy: "worker-src 'self'",
        }),
      );
    };
    const first = await start({}, ['image']);
    expect(first.fallbacks).toEqual([
      {
        from: 'the inlined worker script',
        to: 'https://page/dist/worker-wasm.js',
        reason: expect.stringMatching(/worker-src of the Content-Security-Policy forbids blob/),
      },
    ]);
    expect(first.packs).toEqual(['https://page/dist/packs/image.js']);
    // Policies do not change: no second worker is refused.
    const second = await start();
    expect(stage.urls.filter(isBlob)).toHaveLength(1);
    expect(second.fallbacks[0]?.reason).toMatch(/worker-src/);
    expect(stage.alive.size).toBe(2);
  });

  it('blames no policy for a violation of something else, and tries the blob again', async () => {
    stage.script = (scope) => {
      if (!isBlob(scope.url)) return obeys(scope);
      const event = new Event('securitypolicyviolation');
      document.dispatchEvent(Object.assign(event, { effectiveDirective: 'img-src' }));
      scope.fail('Out of luck.');
    };
    const { fallbacks } = await start();
    expect(fallbacks[0]?.reason).toMatch(/Out of luck/);
    await start();
    expect(stage.urls.filter(isBlob)).toHaveLength(2);
  });

  it.each([
    ['of another version', ready('wasm', '0.0.1-other'), /tabserve 0\.0\.1-other/],
    ['of another engine', ready('jspi'), /the jspi worker/],
  ])('%s is ended, and nothing is served by it', async (_name, message, words) => {
    stage.script = (scope) => scope.postMessage(message);
    files.file = () => null;
    const error = await failure(start());
    expect(error).toMatchObject({ code: 'worker-blocked' });
    expect(error.message).toMatch(words);
    expect(stage.alive.size).toBe(0);
  });

  it('that says other things first is waited for', async () => {
    stage.script = (scope) => {
      for (const message of [null, 'hello', { tabserve: 'hello' }]) scope.postMessage(message);
      obeys(scope);
    };
    await start();
    expect(stage.urls).toHaveLength(1);
  });

  it('that never says a word is given up and ended', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    stage.script = () => undefined;
    files.file = () => null;
    const error = failure(start());
    await settle();
    expect(stage.alive.size).toBe(1);
    vi.advanceTimersByTime(20_000);
    expect((await error).message).toMatch(/no sign of life in 20 seconds/);
    expect(stage.alive.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves neither a timer nor a listener behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const removed = vi.spyOn(document, 'removeEventListener');
    const added = vi.spyOn(document, 'addEventListener');
    await start();
    expect(vi.getTimerCount()).toBe(0);
    expect(removed.mock.calls.map(([name]) => name)).toEqual(
      added.mock.calls.map(([name]) => name),
    );
  });

  it('that the browser refuses to make is an error with both reasons', async () => {
    vi.stubGlobal(
      'Worker',
      class {
        constructor(url: string) {
          throw new DOMException(`No ${isBlob(url) ? 'blob' : 'file'} here.`, 'SecurityError');
        }
      },
    );
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('offline');
    });
    const error = await failure(start());
    expect(error).toMatchObject({ code: 'worker-blocked' });
    expect(error.message).toMatch(/No blob here.*No file here.*offline.*workerUrl/);
  });

  it.each(['unsupported', 'network'] as const)(
    'passes on that its script is not to be had: %s',
    async (code) => {
      files.source = async () => {
        throw new TabserveError(code, 'It is not here.');
      };
      // That is no refusal of the browser's, so the file is not tried.
      expect((await failure(start())).code).toBe(code);
      expect(stage.urls).toEqual([]);
    },
  );
});

describe('with workerUrl', () => {
  it.each([
    ['https://cdn/tabserve/', 'https://cdn/tabserve/worker-wasm.js'],
    ['https://cdn/tabserve', 'https://cdn/tabserve/worker-wasm.js'],
    ['https://cdn/my-worker.js?v=2', 'https://cdn/my-worker.js?v=2'],
  ])('%s it starts from %s, and nothing else', async (workerUrl, url) => {
    const { packs, fallbacks } = await start({ workerUrl }, ['image']);
    expect(stage.urls).toEqual([url]);
    expect(packs).toEqual([new URL('packs/image.js', url).href]);
    expect(fallbacks).toEqual([]);
  });

  let server: Server;
  const serve = async (listener: RequestListener) => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubGlobal('location', new URL(`${origin}/index.html`));
    return origin;
  };
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  it.each<[string, RequestListener, RegExp]>([
    ['is missing', (_, response) => response.writeHead(404).end(), /HTTP 404/],
    [
      'is a web page',
      (_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('\n<!doctype'),
      /is a web page that begins with "\\n<!doctype"/,
    ],
    [
      'has a wrong type',
      (_, response) => response.writeHead(200, { 'Content-Type': 'text/plain' }).end('self'),
      /MIME type text\/plain/,
    ],
    ['has no type', (_, response) => response.writeHead(200).end('self'), /MIME type none/],
    [
      'is a script that throws',
      (_, response) => response.writeHead(200, { 'Content-Type': 'text/javascript' }).end('x'),
      /x is not defined/,
    ],
  ])('the error says that the file %s', async (_name, listener, words) => {
    const origin = await serve(listener);
    stage.script = (scope) => scope.fail('x is not defined');
    const error = await failure(start({ workerUrl: `${origin}/w/` }));
    expect(error).toMatchObject({
      code: 'worker-blocked',
      details: { url: `${origin}/w/worker-wasm.js` },
    });
    expect(error.message).toMatch(words);
    expect(stage.alive.size).toBe(0);
  });

  it('says what an isolated page wants of the file', async () => {
    const origin = await serve((_, response) =>
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end('x'),
    );
    vi.stubGlobal('crossOriginIsolated', true);
    stage.script = (scope) => scope.fail('refused');
    const error = await failure(start({ workerUrl: `${origin}/w/` }));
    expect(error.message).toMatch(/Cross-Origin-Embedder-Policy: require-corp/);
  });

  it('says that another origin may not have it, and asks nobody', async () => {
    stage.script = (scope) => scope.fail('refused');
    const asked = vi.fn();
    vi.stubGlobal('fetch', asked);
    const error = await failure(start({ workerUrl: 'https://elsewhere/' }));
    expect(error.message).toMatch(/another origin \(https:\/\/elsewhere\)/);
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('under Trusted Types', () => {
  it('addresses come from one policy', async () => {
    const createPolicy = vi.fn(
      (_name: string, rules: { createScriptURL(url: string): string }) => ({
        createScriptURL: (url: string) => rules.createScriptURL(url),
      }),
    );
    vi.stubGlobal('trustedTypes', { createPolicy });
    await start();
    await start({ workerUrl: 'https://cdn/' });
    expect(createPolicy.mock.calls.map(([name]) => name)).toEqual(['tabserve']);
    expect(stage.urls[1]).toBe('https://cdn/worker-wasm.js');
  });

  it('a policy that is refused is named by the error', async () => {
    vi.stubGlobal('trustedTypes', {
      createPolicy: () => {
        throw new TypeError('not allowed');
      },
    });
    stage.script = (scope) => scope.fail("This document requires 'TrustedScriptURL' assignment");
    const error = await failure(start({ workerUrl: 'https://cdn/' }));
    expect(error.message).toMatch(/trusted-types tabserve 'allow-duplicates'/);
  });
});
