/** What the page makes of each kind of source, on elements that load, fail, taint and stall to order. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestBitmap, TestImageData } from '../../testing/bitmap.js';
import { giving, serve, type Web } from '../../testing/http.js';
import { capture, type ImageSource, transferables } from './capture.js';

let web: Web;
/** Bitmaps and frames that nobody has closed. */
const open = new Set<{ close(): void }>();
/** What `createImageBitmap` does, by its source. */
let make: (source: object, options: unknown) => TestBitmap;
/** Sources whose pixels the page may not read. */
const tainted = new Set<object>();

class Bitmap extends TestBitmap {
  constructor(
    readonly from: object,
    width = 4,
    height = 3,
  ) {
    super(width, height);
    open.add(this);
  }

  override close(): void {
    super.close();
    open.delete(this);
  }
}

class Frame {
  constructor(
    readonly source: object,
    readonly init?: object,
  ) {
    if (tainted.has(source)) throw new DOMException('tainted', 'SecurityError');
    if (Reflect.get(source, 'isUndrawable')) throw new DOMException('no', 'InvalidStateError');
    open.add(this);
  }

  get [Symbol.toStringTag](): string {
    return 'VideoFrame';
  }

  clone(): Frame {
    if (!open.has(this)) throw new DOMException('closed', 'InvalidStateError');
    return new Frame(this.source);
  }

  close(): void {
    open.delete(this);
  }
}

/** An object of a class of the DOM, by its tag. */
const tagged = (tag: string, fields: object) =>
  Object.assign(Object.create({ [Symbol.toStringTag]: tag }), fields) as ImageSource;
const image = (fields: object = {}) =>
  tagged('HTMLImageElement', {
    complete: true,
    naturalWidth: 8,
    naturalHeight: 8,
    currentSrc: `${web.origin}/photo.jpg`,
    crossOrigin: null,
    ...fields,
  });
const large = { naturalWidth: 2000, naturalHeight: 1000 };
const video = (fields: object = {}) =>
  tagged('HTMLVideoElement', { error: null, readyState: 4, videoWidth: 8, ...fields });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('It was captured.'),
    (error: unknown) => error,
  );

beforeAll(async () => {
  web = await serve();
});
afterAll(() => web.stop());
beforeEach(() => {
  web.requests.length = 0;
  make = (source) => new Bitmap(source);
  vi.stubGlobal('createImageBitmap', async (source: object, ...rest: unknown[]) => {
    if (rest.length < 4) return make(source, rest[0]);
    const corner = new Bitmap(source);
    if (tainted.has((source as Bitmap).from)) tainted.add(corner as object);
    return corner;
  });
  vi.stubGlobal('structuredClone', (value: object) => {
    if (tainted.has(value)) throw new DOMException('tainted', 'DataCloneError');
    return value;
  });
  vi.stubGlobal('VideoFrame', Frame);
  vi.stubGlobal('location', new URL(`${web.origin}/page.html`));
  vi.stubGlobal('document', { baseURI: `${web.origin}/page.html` });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  tainted.clear();
  // What a failure has opened nobody can close; what was captured is the test's.
  open.clear();
});

describe('what lasts', () => {
  it('stays what it is: files, bytes and addresses', async () => {
    const blob = new Blob(['x']);
    expect(await capture(blob)).toEqual({ kind: 'blob', blob });
    expect(await capture('a/b.png')).toEqual({ kind: 'url', url: `${web.origin}/a/b.png` });
    expect(await capture(new URL('https://c/d.png'))).toEqual({
      kind: 'url',
      url: 'https://c/d.png',
    });
    expect(await capture('data:image/png;base64,AAAA')).toMatchObject({
      url: 'data:image/png;base64,AAAA',
    });
    expect(await failure(capture('https://'))).toMatchObject({ code: 'invalid-argument' });
    const bytes = Uint8Array.of(9, 1, 2, 3, 9);
    for (const source of [bytes.subarray(1, 4), bytes.slice(1, 4).buffer]) {
      const captured = await capture(source);
      bytes.fill(9);
      expect(captured).toEqual({ kind: 'bytes', bytes: Uint8Array.of(1, 2, 3).buffer });
      bytes.set([1, 2, 3], 1);
    }
    const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
    expect(await capture(shared)).toEqual({ kind: 'bytes', bytes: Uint8Array.of(7, 7).buffer });
    const large = await capture(new Uint8Array(2 ** 22 + 1));
    expect(large.kind === 'blob' && large.blob.size).toBe(2 ** 22 + 1);
    expect(await failure(capture(new ArrayBuffer(0)))).toMatchObject({
      code: 'image-undecodable',
    });
  });

  it.each([[7], [null], [undefined], [{}], [[]], [() => 1], [new Map()]])(
    'refuses %s',
    async (source) => {
      expect(await failure(capture(source as never))).toMatchObject({ code: 'invalid-argument' });
    },
  );
});

describe('pixels', () => {
  it('are copied, all of them, and handed over without a copy', async () => {
    const data = new Uint8ClampedArray((1 << 24) + 4096).fill(5);
    const source = new TestImageData(data, 1 << 10, data.length / 4 / (1 << 10));
    const captured = await capture(source as never);
    data.fill(0);
    if (captured.kind !== 'pixels') throw new Error(captured.kind);
    expect(captured.pixels.data.every((each) => each === 5)).toBe(true);
    expect(transferables(captured)).toEqual([captured.pixels.data.buffer]);
    const gone = new TestImageData(new Uint8ClampedArray(0), 4, 4);
    expect(await failure(capture(gone as never))).toMatchObject({ code: 'image-undecodable' });
  });

  it('of a canvas are a bitmap, unless there are none, or others’', async () => {
    const canvas = tagged('HTMLCanvasElement', { width: 4, height: 4 });
    const captured = await capture(canvas);
    expect(captured).toMatchObject({ kind: 'bitmap' });
    expect(transferables(captured)).toHaveLength(1);
    // The corner that was tried is closed again.
    expect(open.size).toBe(1);
    for (const size of [
      { width: 0, height: 4 },
      { width: 4, height: 0 },
    ]) {
      expect(await failure(capture(tagged('OffscreenCanvas', size)))).toMatchObject({
        code: 'image-undecodable',
      });
    }
    open.clear();
    tainted.add(canvas as object);
    expect(await failure(capture(canvas))).toMatchObject({ code: 'image-tainted' });
    expect(open.size).toBe(0);
    make = () => {
      throw new DOMException('tainted', 'SecurityError');
    };
    expect(await failure(capture(canvas))).toMatchObject({ code: 'image-tainted' });
    make = () => {
      throw new DOMException('broken', 'InvalidStateError');
    };
    expect(await failure(capture(canvas))).toMatchObject({ code: 'image-undecodable' });
    const svg = tagged('SVGImageElement', {});
    make = (source, options) => Object.assign(new Bitmap(source), { options });
    expect(await capture(svg)).toMatchObject({
      bitmap: { options: { colorSpaceConversion: 'none' } },
    });
  });

  it('of a bitmap or a frame are shared, and the caller keeps its own', async () => {
    const bitmap = new Bitmap({});
    const captured = await capture(bitmap as never);
    if (captured.kind !== 'frame') throw new Error(captured.kind);
    expect(captured.frame).toMatchObject({ source: bitmap, init: { timestamp: 0 } });
    expect(bitmap.isClosed).toBe(false);
    expect(transferables(captured)).toEqual([captured.frame]);
    const frame = new Frame({});
    const copy = await capture(frame as never);
    expect(copy.kind === 'frame' && copy.frame).not.toBe(frame);
    frame.close();
    expect(await failure(capture(frame as never))).toMatchObject({ code: 'image-undecodable' });
    bitmap.close();
    expect(await failure(capture(bitmap as never))).toMatchObject({ code: 'image-undecodable' });
  });

  it('are a bitmap where the browser has no frames, or none of this', async () => {
    const bitmap = new Bitmap({});
    Object.assign(bitmap, { isUndrawable: true });
    expect(await capture(bitmap as never)).toMatchObject({ kind: 'bitmap' });
    vi.stubGlobal('VideoFrame', undefined);
    expect(await capture(video())).toMatchObject({ kind: 'bitmap' });
  });
});

describe('a video', () => {
  it('gives the frame that it shows', async () => {
    const source = video();
    expect(await capture(source)).toMatchObject({ kind: 'frame', frame: { source } });
  });

  it.each([
    ['without a frame', { readyState: 1 }, 'image-not-ready'],
    ['of sound alone', { videoWidth: 0 }, 'image-not-ready'],
    ['that cannot be played', { error: { code: 4, message: '' } }, 'image-undecodable'],
  ])('%s says so', async (_name, fields, code) => {
    expect(await failure(capture(video(fields)))).toMatchObject({ code });
  });

  it('of another origin says so', async () => {
    const source = video();
    tainted.add(source as object);
    expect(await failure(capture(source))).toMatchObject({ code: 'image-tainted' });
  });
});

describe('an <img>', () => {
  it('of few pixels is decoded here, as it is stored', async () => {
    make = (source, options) => Object.assign(new Bitmap(source), { options });
    expect(await capture(image())).toMatchObject({
      kind: 'bitmap',
      bitmap: { options: { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } },
    });
    expect(web.requests).toEqual([]);
  });

  it.each([
    ['that has no source', { currentSrc: '' }, /has no "src"/],
    ['whose file is broken', {}, /could not be loaded or decoded/],
  ])('%s has no picture', async (_name, fields, message) => {
    const broken = image({ naturalWidth: 0, naturalHeight: 0, ...fields });
    expect(await failure(capture(broken))).toMatchObject({
      code: 'image-undecodable',
      message: expect.stringMatching(message),
    });
  });

  it('that loads is waited for, as long as somebody does', async () => {
    let loaded: (() => void) | undefined;
    const fields = {
      complete: false,
      decode: () => new Promise<void>((resolve) => (loaded = resolve)),
    };
    const capturing = capture(image(fields));
    await vi.waitFor(() => expect(loaded).toBeDefined());
    loaded?.();
    expect(await capturing).toMatchObject({ kind: 'bitmap' });
    // A lazy picture out of sight never loads.
    const controller = new AbortController();
    const waiting = capture(image(fields), controller.signal);
    controller.abort('enough');
    expect(await failure(waiting)).toBe('enough');
    const decode = () => Promise.reject(new DOMException('broken', 'EncodingError'));
    expect(await failure(capture(image({ complete: false, decode })))).toMatchObject({
      code: 'image-undecodable',
    });
  });

  it('of many pixels is its file, from the browser’s cache', async () => {
    web.handler = giving(new TextEncoder().encode('photo'));
    const fetched = vi.spyOn(globalThis, 'fetch');
    const captured = await capture(image(large));
    expect(captured.kind === 'blob' && (await captured.blob.text())).toBe('photo');
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({
      cache: 'force-cache',
      credentials: 'same-origin',
    });
    await capture(image({ ...large, crossOrigin: 'use-credentials' }));
    expect(fetched.mock.calls[1]?.[1]).toMatchObject({ credentials: 'include' });
    await capture(image({ ...large, currentSrc: 'data:image/png;base64,AAAA' }));
    expect(fetched.mock.calls[2]?.[1]).not.toHaveProperty('cache');
    fetched.mockRestore();
  });

  it.each<[string, object, Parameters<typeof giving>[1] | 'redirect' | 'missing' | 'silent']>([
    ['is of another origin', { currentSrc: 'https://elsewhere/photo.jpg' }, {}],
    ['could be another one the next time', {}, { 'Cache-Control': 'private, no-store' }],
    ['was redirected', {}, 'redirect'],
    ['is not there any more', {}, 'missing'],
  ])('of many pixels is decoded here where its file %s', async (_name, fields, answer) => {
    web.handler = (request, response) => {
      if (answer === 'missing') return void response.writeHead(404).end();
      if (answer === 'redirect' && request.url === '/photo.jpg') {
        return void response.writeHead(302, { Location: '/other.jpg' }).end();
      }
      giving(new TextEncoder().encode('x'), typeof answer === 'object' ? answer : {})(
        request,
        response,
      );
    };
    expect(await capture(image({ ...large, ...fields }))).toMatchObject({ kind: 'bitmap' });
  });

  it('of many pixels is decoded here where its file does not come in time', async () => {
    web.handler = () => undefined;
    const timeout = vi
      .spyOn(AbortSignal, 'timeout')
      .mockReturnValue(AbortSignal.abort(new DOMException('late', 'TimeoutError')));
    expect(await capture(image(large))).toMatchObject({ kind: 'bitmap' });
    expect(timeout).toHaveBeenCalledWith(3_000);
    timeout.mockRestore();
  });

  it('is given up while its file is on its way', async () => {
    web.handler = () => undefined;
    const controller = new AbortController();
    const waiting = capture(image(large), controller.signal);
    await vi.waitFor(() => expect(web.requests).toHaveLength(1));
    controller.abort('enough');
    expect(await failure(waiting)).toBe('enough');
    expect(open.size).toBe(0);
  });

  it('of another origin without CORS is tainted', async () => {
    const source = image({ currentSrc: 'https://elsewhere/photo.jpg' });
    tainted.add(source as object);
    expect(await failure(capture(source))).toMatchObject({
      code: 'image-tainted',
      message: expect.stringMatching(/crossorigin="anonymous"/),
    });
    expect(open.size).toBe(0);
  });
});
