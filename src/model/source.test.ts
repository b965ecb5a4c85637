/** From what a caller names to a manifest and files: names, addresses, files and folders. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryDisk } from '../testing/directory.js';
import { serve, type Web } from '../testing/http.js';
import { embeddedManifest } from './embedded.js';
import { givenFiles } from './given.js';
import type { InstalledModel, Library } from './library.js';
import type { CoreManifest } from './manifest-core.js';
import { type ResolveOptions, requestOf, resolveModel } from './source.js';
import type { TranslateRequest, Translation } from './translation.js';

const manifest = {
  name: 'mean',
  version: '1.0.0',
  task: 'image-classification',
  labels: ['a', 'b'],
  files: [{ url: 'mean.onnx', dtype: 'fp32' }],
} as unknown as CoreManifest;

let web: Web;
let translated: TranslateRequest[];
let expected: number;
beforeAll(async () => {
  web = await serve();
});
afterAll(() => web.stop());
beforeEach(() => {
  translated = [];
  expected = 0;
  web.requests.length = 0;
});

function options(more: Partial<ResolveOptions> = {}): ResolveOptions {
  return {
    signal: new AbortController().signal,
    stallTimeout: 500,
    library: null,
    hubUrl: 'https://hub/',
    task: null,
    fresh: false,
    embedded: async (name) => embeddedManifest(name),
    given: givenFiles,
    expectManifest: () => {
      expected += 1;
    },
    validate: async (value) => value as CoreManifest,
    readLabels: async (bytes) => ({ labels: new TextDecoder().decode(bytes).split('\n') }),
    verify: null,
    translate: async (request): Promise<Translation> => {
      translated.push(request);
      const baseUrl = 'https://hub/base/';
      return { manifest, open: 'names', baseUrl, otherOrigin: true, keep: true, fallbacks: [] };
    },
    ...more,
  };
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It did not fail.'),
    (error: unknown) => error,
  );
const file = (name: string, text = 'x') => new File([text], name);
const json = (value: unknown, name = 'model.json') => file(name, JSON.stringify(value));
const ofFiles = (...files: Blob[]) => resolveModel({ kind: 'files', files }, options());
const at = (path: string) => `${web.origin}${path}`;
const ofUrl = (path: string, more: Partial<ResolveOptions> = {}) =>
  resolveModel({ kind: 'url', url: at(path) }, options(more));
const answer = (body: string) => {
  web.handler = (_, response) => void response.end(body);
};

describe('files', () => {
  it('with a model.json, which finds them by their paths in the chosen folder', async () => {
    const chosen = (path: string, text: string) =>
      Object.defineProperty(file(path.split('/').at(-1) ?? '', text), 'webkitRelativePath', {
        value: `chosen/${path}`,
      });
    const resolved = await ofFiles(
      chosen('model.json', JSON.stringify({ ...manifest, labels: { url: 'words/labels.txt' } })),
      chosen('mean.onnx', 'graph'),
      chosen('words/labels.txt', 'one\ntwo'),
    );
    expect(resolved.manifest.labels).toEqual(['one', 'two']);
    expect(await (resolved.locate('./mean.onnx') as Blob).text()).toBe('graph');
    expect(resolved).toMatchObject({ source: null, installed: false, open: 'nothing' });
  });

  it.each([['../mean.onnx'], ['/etc/passwd'], ['a/../../b'], ['file:///etc/passwd']])(
    'do not lead out of their folder: %s',
    async (url) => {
      const { locate } = await ofFiles(json(manifest), file('mean.onnx'));
      expect(() => locate(url)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/manifest-invalid|not-found/) }),
      );
    },
  );

  it.each([['__proto__'], ['constructor'], ['toString']])(
    'are those that were given, not what every object has: %s',
    async (name) => {
      const { locate } = await ofFiles(json(manifest), file('mean.onnx'));
      expect(() => locate(name)).toThrow(expect.objectContaining({ code: 'model-not-found' }));
    },
  );

  it('with a manifest of another name, which is none of a hub’s files and no labels', async () => {
    const resolved = await ofFiles(
      json({}, 'config.json'),
      json(['a'], 'labels.json'),
      json({ ...manifest, name: 'other' }, 'other.json'),
      file('mean.onnx'),
    );
    expect(resolved.manifest.name).toBe('other');
  });

  it('in a hub’s layout are the translator’s', async () => {
    const resolved = await ofFiles(json({}, 'config.json'), file('model.onnx', 'graph'));
    expect(translated).toMatchObject([{ kind: 'files' }]);
    expect(resolved).toMatchObject({ open: 'names', keep: true, source: null });
    expect(await (resolved.locate('model.onnx') as Blob).text()).toBe('graph');
  });

  it('a graph alone, with its labels where exactly one file has them', async () => {
    await ofFiles(file('net.onnx'), file('class_names.txt'));
    await ofFiles(file('net.onnx'), file('labels.txt'), file('classes.csv'));
    await ofFiles(new Blob(['graph']));
    expect(translated).toEqual([
      { kind: 'bare', task: null, where: 'net.onnx', labels: 'class_names.txt' },
      { kind: 'bare', task: null, where: 'net.onnx' },
      { kind: 'bare', task: null, where: 'the given Blob' },
    ]);
  });

  it.each([
    ['two graphs', [file('a.onnx'), file('b.onnx')]],
    ['no graph', [file('a.txt'), file('b.txt')]],
    ['nothing', []],
  ])('without a manifest and with %s are no model', async (_name, files) => {
    expect(await failure(ofFiles(...files))).toMatchObject({ code: 'model-not-found' });
  });

  it('of a folder are read with all below it, but for hidden ones, up to a bound', async () => {
    const { root } = memoryDisk();
    root.put('model.json', JSON.stringify(manifest));
    root.put('.git/config', 'secret');
    root.put('weights/mean.onnx', 'graph');
    const directory = root as never;
    const { locate } = await resolveModel({ kind: 'directory', directory }, options());
    expect(await (locate('weights/mean.onnx') as Blob).text()).toBe('graph');
    expect(() => locate('.git/config')).toThrow();
    for (let i = 0; i < 1000; i += 1) root.put(`home/${i}`, 'x');
    expect(await failure(resolveModel({ kind: 'directory', directory }, options()))).toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(/more than 1000 files/),
    });
  });
});

describe('an address', () => {
  it('of a manifest gives that, and its files relative to it', async () => {
    answer(JSON.stringify(manifest));
    const resolved = await ofUrl('/models/mean/model.json');
    expect(resolved).toMatchObject({ source: at('/models/mean/model.json'), installed: false });
    expect(resolved.locate('mean.onnx')).toBe(at('/models/mean/mean.onnx'));
    expect(resolved.locate('https://cdn/mean.onnx')).toBe('https://cdn/mean.onnx');
    expect(expected).toBe(1);
  });

  it.each([['file:///etc/passwd'], ['javascript:alert(1)'], ['ftp://a/b']])(
    'gives no file from %s',
    async (url) => {
      answer(JSON.stringify(manifest));
      const { locate } = await ofUrl('/model.json');
      expect(() => locate(url)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
    },
  );

  it('of a graph, and of a folder, is the translator’s', async () => {
    await ofUrl('/net.ONNX');
    await ofUrl('/folder/');
    expect(translated).toMatchObject([
      { kind: 'bare', where: at('/net.ONNX') },
      { kind: 'folder', url: at('/folder/') },
    ]);
    expect(web.requests).toEqual([]);
  });

  it.each([
    ['\x08\x07\x12\x04graph', 'graph'],
    ['{"name":"mean"}', 'manifest'],
    ['  \n{"name":"mean"}', 'manifest'],
    ['<!doctype html>', 'manifest'],
    ['version https://git-lfs.github.com/spec/v1', 'manifest'],
  ])('that does not tell is asked by its first bytes: %j', async (body, what) => {
    answer(body);
    await ofUrl('/download?id=7').catch(() => undefined);
    expect(translated).toHaveLength(what === 'graph' ? 1 : 0);
  });

  it('that does not tell is not asked where the network must not be', async () => {
    answer('\x08\x07\x12\x04graph');
    await ofUrl('/download', { local: true }).catch(() => undefined);
    expect(translated).toEqual([]);
  });

  it.each([
    ['{"name":', 'manifest-invalid', /is not JSON: it begins with "\{\\"name\\":"/],
    ['<!doctype html>', 'manifest-invalid', /begins with "<!doctype html>"/],
    [`${'['.repeat(70)}${']'.repeat(70)}`, 'manifest-invalid', /deeper than 64 levels/],
  ])('of no manifest says what is there instead', async (body, code, message) => {
    answer(body);
    expect(await failure(ofUrl('/model.json'))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('is given up at once, also while its manifest is checked', async () => {
    answer(JSON.stringify(manifest));
    const controller = new AbortController();
    const resolving = ofUrl('/model.json', {
      signal: controller.signal,
      validate: () => new Promise(() => undefined),
    });
    await vi.waitFor(() => expect(expected).toBe(1));
    controller.abort('enough');
    expect(await failure(resolving)).toBe('enough');
  });
});

describe('a name', () => {
  const installed = (version: string): InstalledModel['current'] => ({
    manifest: { ...manifest, version },
    baseUrl: 'https://a/model.json',
    otherOrigin: true,
    assumed: [{ from: 'manifest', to: 'assumption', reason: 'RGB' }],
    installedAt: 1,
  });
  const model: InstalledModel = {
    source: 'https://a/model.json',
    current: installed('2.0.0'),
    previous: installed('1.0.0'),
  };
  const library = {
    get: async (source: string) => (source === model.source ? model : undefined),
    find: async (name: string) => (name === 'mean' ? model : undefined),
  } as Library;
  const ofName = (
    name: string,
    version: string | null = null,
    more: Partial<ResolveOptions> = {},
    fileUrls = {},
  ) => resolveModel({ kind: 'name', name, version, fileUrls }, options({ library, ...more }));

  it('of the library gives the current version, or the one before it', async () => {
    const current = await ofName('mean');
    expect(current).toMatchObject({
      manifest: { version: '2.0.0' },
      source: model.source,
      installed: true,
      otherOrigin: true,
      fallbacks: [{ reason: 'RGB' }],
    });
    expect(current.locate('mean.onnx')).toBe('https://a/mean.onnx');
    expect((await ofName('mean', '1.0.0')).manifest.version).toBe('1.0.0');
    expect(translated).toEqual([]);
  });

  it('of a version that is not there is looked for, and refused with those that are', async () => {
    answer(JSON.stringify({ ...manifest, version: '3.0.0' }));
    vi.spyOn(globalThis, 'fetch').mockImplementation(
      async () => new Response(JSON.stringify({ ...manifest, version: '3.0.0' })),
    );
    expect((await ofName('mean', '3.0.0')).manifest.version).toBe('3.0.0');
    expect(await failure(ofName('mean', '9.0.0'))).toMatchObject({
      code: 'model-not-found',
      message: expect.stringMatching(
        /no version 9\.0\.0 of "mean"\. There is 3\.0\.0, 2\.0\.0, 1\.0\.0/,
      ),
    });
    // A newer one is what fresh asks for.
    expect(await ofName('mean', null, { fresh: true })).toMatchObject({
      manifest: { version: '3.0.0' },
      installed: false,
    });
    vi.restoreAllMocks();
  });

  it('of an embedded model is what it is, in its own version', async () => {
    const files = { 'digits.onnx': 'https://a/digits.onnx' };
    const digits = await ofName('digits', null, {}, files);
    expect(digits.manifest.labels).toHaveLength(10);
    expect(digits).toMatchObject({ source: null, installed: false, open: 'nothing' });
    expect(await failure(ofName('digits', '0.0.7', {}, files))).toMatchObject({
      code: 'model-not-found',
    });
  });

  it('of the catalogue is the translator’s, and nobody’s where the network must not be', async () => {
    expect(await ofName('resnet')).toMatchObject({ source: 'resnet', open: 'names' });
    expect(translated).toEqual([{ kind: 'name', name: 'resnet' }]);
    expect(await failure(ofName('resnet', null, { local: true }))).toMatchObject({
      code: 'network',
      retryable: false,
    });
  });

  it('of a hub is looked for in the library first', async () => {
    const known = { ...library, get: async () => model } as unknown as Library;
    const ask = (more: Partial<ResolveOptions>) =>
      resolveModel({ kind: 'hub', name: 'hf:a/b' }, options(more));
    expect(await ask({ library: known })).toMatchObject({ installed: true });
    expect(translated).toEqual([]);
    await ask({ library: known, fresh: true });
    await ask({});
    expect(translated).toEqual([
      { kind: 'hub', name: 'hf:a/b', hubUrl: 'https://hub/', stallTimeout: 500 },
      { kind: 'hub', name: 'hf:a/b', hubUrl: 'https://hub/', stallTimeout: 500 },
    ]);
  });

  it('of a source is the request that it came from', () => {
    expect(requestOf('hf:a/b')).toEqual({ kind: 'hub', name: 'hf:a/b' });
    expect(requestOf('https://a/model.json')).toEqual({ kind: 'url', url: 'https://a/model.json' });
    expect(requestOf('digits')).toEqual({
      kind: 'name',
      name: 'digits',
      version: null,
      fileUrls: {},
    });
  });
});

it('a manifest without an address finds only what is given with it', async () => {
  const given = { manifest: manifest as never, files: { 'mean.onnx': new Blob(['g']) } };
  const { locate } = await resolveModel({ kind: 'manifest', ...given, baseUrl: null }, options());
  expect(locate('mean.onnx')).toBeInstanceOf(Blob);
  expect(() => locate('other.onnx')).toThrow(/which is not among those given \(mean\.onnx\)/);
});
