/** Everything that a page and its user can do to classifiers, in any order: see `sequences.ts`. */
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { liveDeployments } from '../serving/deployment.js';
import { diagnostics } from '../serving/diagnostics.js';
import type { Environment } from '../serving/environment.js';
import { pageBudget } from '../serving/held-payload.js';
import { loadedModels } from '../serving/replica.js';
import { Calls, calm, happen, incidents, testSequences } from '../serving/testing/sequences.js';
import { type Answer, settle, World } from '../serving/testing/world.js';
import { ImageClassifier } from './image-classifier.js';

/** The page's platform, by another one whose clock stands still. */
const stage = vi.hoisted(() => ({ world: undefined as unknown }));
vi.mock('../serving/environment.js', async (original) => {
  const actual = await original<typeof import('../serving/environment.js')>();
  const page = new Proxy({} as Environment, {
    get: (_, name) => Reflect.get(stage.world as object, name),
  });
  return { ...actual, page };
});

/** Pictures that are open on the page. */
const open = new Set<Frame | Bitmap>();

class Frame {
  readonly codedWidth = 8;
  readonly codedHeight = 8;
  readonly source: unknown;

  constructor(source: unknown) {
    this.source = source instanceof Bitmap ? source.source : source;
    open.add(this);
  }

  clone(): Frame {
    if (!open.has(this)) throw new DOMException('It is closed.', 'InvalidStateError');
    return new Frame(this.source);
  }

  close(): void {
    open.delete(this);
  }
}

class Bitmap {
  readonly width = 8;
  readonly height = 8;

  constructor(readonly source: unknown) {
    open.add(this);
  }

  close(): void {
    open.delete(this);
  }
}

/** A canvas or an `<img>`, whose pixels come when they come. */
class Picture {
  readonly width = 8;
  readonly height = 8;
  readonly naturalWidth = 8;
  readonly naturalHeight = 8;
  readonly complete: boolean;

  constructor(
    readonly world: World,
    readonly kind: 'HTMLCanvasElement' | 'HTMLImageElement',
    readonly takes: number,
  ) {
    this.complete = takes === 0;
  }

  get [Symbol.toStringTag](): string {
    return this.kind;
  }

  /** `Infinity`: a lazy picture that is out of sight. */
  decode(): Promise<void> {
    return new Promise((resolve) => {
      if (Number.isFinite(this.takes)) this.world.after(this.takes, resolve);
    });
  }
}

/** As much of a video as is followed and captured. */
class Video extends EventTarget {
  readonly readyState = 2;
  readonly videoWidth = 8;
  readonly videoHeight = 8;
  readonly error = null;
  readonly srcObject = null;
  currentTime = 0;
  ended = false;
  /** Asked for with each frame. */
  readonly callbacks = new Map<number, (now: number, frame: { mediaTime: number }) => void>();
  #next = 1;

  get [Symbol.toStringTag](): string {
    return 'HTMLVideoElement';
  }

  /** Node 20 forgets, when it collects garbage, all listeners with a signal but one of a target. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    { signal }: AddEventListenerOptions = {},
  ): void {
    if (signal?.aborted) return;
    super.addEventListener(type, listener);
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener));
  }

  requestVideoFrameCallback(callback: (now: number, frame: { mediaTime: number }) => void): number {
    this.callbacks.set(this.#next, callback);
    return this.#next++;
  }

  cancelVideoFrameCallback(handle: number): void {
    this.callbacks.delete(handle);
  }

  /** Shows the next frame. */
  present(): void {
    this.currentTime += 1;
    for (const [handle, callback] of [...this.callbacks]) {
      this.callbacks.delete(handle);
      callback(0, { mediaTime: this.currentTime });
    }
  }

  end(): void {
    this.ended = true;
    this.dispatchEvent(new Event('ended'));
  }

  get listening(): number {
    const types = ['ended', 'error', 'seeked', 'loadeddata'];
    return types.reduce((sum, type) => sum + getEventListeners(this, type).length, 0);
  }
}

Object.assign(globalThis, {
  VideoFrame: Frame,
  createImageBitmap: async (source: Bitmap | Picture) => {
    if (source instanceof Picture && source.kind === 'HTMLCanvasElement' && source.takes > 0) {
      await source.decode();
    }
    return new Bitmap(source instanceof Bitmap ? source.source : source);
  },
  structuredClone: <T>(value: T) => value,
  HTMLMediaElement: { HAVE_CURRENT_DATA: 2 },
  Worker: class {},
});
Object.defineProperty(globalThis, 'navigator', {
  configurable: true,
  value: {
    hardwareConcurrency: 4,
    gpu: { requestAdapter: async () => ({ info: { isFallbackAdapter: false } }) },
  },
});

const names = ['digits', 'photos', 'everyday'] as const;
const devices = ['auto', 'wasm'] as const;
const which = fc.nat({ max: 2 });
const kind = { which, device: fc.constantFrom(...devices) };
const n = fc.nat({ max: 4 });

const step = fc.oneof(
  fc.record({ op: fc.constantFrom('preload' as const, 'create' as const), ...kind }),
  fc.record({
    op: fc.constant('classify' as const),
    n,
    what: fc.constantFrom<'address' | 'video' | 'list' | 'canvas' | 'image'>(
      'address',
      'video',
      'list',
      'canvas',
      'image',
    ),
    takes: fc.constantFrom(0, 5, 300, Number.POSITIVE_INFINITY),
    timeout: fc.constantFrom(undefined, undefined, 1, 50, 700),
    many: fc.constantFrom(1, 1, 6),
  }),
  fc.record({ op: fc.constant('watch' as const), n, breaks: fc.boolean() }),
  fc.record({ op: fc.constantFrom('refresh' as const, 'destroy' as const), n }),
  fc.record({ op: fc.constantFrom('frame' as const, 'frame' as const, 'end' as const), n }),
  ...incidents,
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Made {
  classifier: ImageClassifier;
  name: string;
  /** What it answers by now has at least this version. */
  least: number;
  isDestroyed: boolean;
}

let ids = 1;

/** One run of the sequence. */
class Run {
  readonly world = new World();
  readonly made: Made[] = [];
  readonly videos: Video[] = [];
  readonly calls = new Calls();
  readonly preloads = new Map<string, object>();
  readonly #id = ids++;

  constructor() {
    stage.world = this.world;
  }

  async do(step: Step): Promise<void> {
    const { world } = this;
    switch (step.op) {
      case 'preload': {
        const options = this.#options(step);
        return this.calls.make('preload', async () => {
          await ImageClassifier.preload(options);
        });
      }
      case 'create': {
        const options = this.#options(step);
        return this.calls.make('create', async (signal) => {
          const classifier = await ImageClassifier.create({ ...options, signal });
          expect(classifier.state).toMatch(/ready|degraded|recovering/);
          const name = names[step.which] as string;
          this.made.push({ classifier, name, least: 1, isDestroyed: false });
          if (/ready|degraded/.test(classifier.state)) {
            expect(await ImageClassifier.availability(options)).not.toBe('unavailable');
          }
        });
      }
      case 'classify':
        for (let nth = 0; nth < step.many; nth += 1) this.#classify(step);
        return;
      case 'watch':
        return this.#watch(step);
      case 'refresh': {
        const made = this.#nth(step.n);
        if (!made) return;
        const { version } = world;
        return this.calls.make('refresh', async (signal) => {
          await made.classifier.refresh({ signal });
          made.least = Math.max(made.least, version);
        });
      }
      case 'destroy': {
        const made = this.#nth(step.n);
        if (!made) return;
        made.isDestroyed = true;
        made.classifier.destroy();
        expect(made.classifier.state).toBe('destroyed');
        return;
      }
      case 'frame':
        // A hidden tab shows none.
        if (!world.isHidden) this.videos.at(-1 - step.n)?.present();
        return;
      case 'end':
        this.videos.at(-1 - step.n)?.end();
        return;
      default:
        return happen(world, this.calls, step);
    }
  }

  #options({ which, device }: { which: number; device: (typeof devices)[number] }) {
    // No sequence finds what another one has preloaded.
    const modelsUrl = `https://models/${this.#id}/`;
    const options = { model: names[which] as string, device, modelsUrl };
    this.preloads.set(JSON.stringify(options), options);
    return options;
  }

  #nth(n: number): Made | undefined {
    return this.made.at(-1 - n);
  }

  #classify({ n, what, takes, timeout }: Extract<Step, { op: 'classify' }>): void {
    const made = this.#nth(n);
    if (!made) return;
    const { least } = made;
    const options = timeout === undefined ? {} : { timeout };
    const isPicture = what === 'canvas' || what === 'image';
    this.calls.make(
      `classify ${what}`,
      async (signal) => {
        if (what === 'list') {
          const urls = ['https://a/1', 'https://a/2', 'https://a/3'];
          const answers = await made.classifier.classify(urls, { ...options, signal });
          expect(answers).toHaveLength(3);
          for (const [i, answer] of answers.entries()) this.#check(made, answer, least, urls[i]);
          return;
        }
        const source = this.#source(what, takes);
        const answer = await made.classifier.classify(source as string, { ...options, signal });
        this.#check(made, answer, least, source);
      },
      isPicture && !Number.isFinite(takes),
    );
  }

  #source(what: 'address' | 'video' | 'canvas' | 'image', takes: number): unknown {
    if (what === 'address') return 'https://a/0';
    if (what === 'video') return new Video();
    const kind = what === 'canvas' ? 'HTMLCanvasElement' : 'HTMLImageElement';
    return new Picture(this.world, kind, takes);
  }

  #watch({ n, breaks }: Extract<Step, { op: 'watch' }>): void {
    const made = this.#nth(n);
    if (!made) return;
    const video = new Video();
    this.videos.push(video);
    this.calls.make('watch', async (signal) => {
      let latest = -1;
      // When the frame was asked about.
      let { least } = made;
      const frames = made.classifier.watch(video as unknown as HTMLVideoElement, { signal });
      for await (const { classifications, mediaTime } of frames) {
        this.#check(made, classifications, least, video);
        // No frame is classified twice, and none before one that came earlier.
        expect(mediaTime).toBeGreaterThan(latest);
        latest = mediaTime;
        if (breaks && mediaTime >= 2) break;
        ({ least } = made);
      }
    });
  }

  /** Whether an answer is the right model's, of a version as new as it has to be, to this question. */
  #check({ name }: Made, answer: unknown, least: number, source: unknown): void {
    const { model, version, payload } = answer as Answer;
    expect(model).toBe(name);
    expect(version).toBeLessThanOrEqual(this.world.version);
    expect(version).toBeGreaterThanOrEqual(least);
    const { url, frame, bitmap } = payload as { url?: string; frame?: Frame; bitmap?: Bitmap };
    expect(url ?? (frame ?? bitmap)?.source).toBe(source);
  }

  /** When nothing new happens, everything ends, and what is left serves. */
  async finish(): Promise<void> {
    const { world } = this;
    calm(world);
    // What a call loads comes at a time of its own, which the world's clock does not know.
    await vi.dynamicImportSettled();
    for (const video of this.videos) {
      video.present();
      await world.advance(50);
      video.end();
    }
    await world.advance(120_000);
    await this.calls.expectOver(false);
    for (const made of this.made.filter(({ isDestroyed }) => !isDestroyed)) {
      const asked = made.classifier.classify('https://a/last');
      await world.advance(30_000);
      this.#check(made, await asked, made.least, 'https://a/last');
      expect(made.classifier.state).toMatch(/ready|degraded/);
    }
    for (const { classifier } of this.made) classifier.destroy();
    await settle();
    await this.calls.expectOver(true);
    // What was loaded ahead is whoever's asks for it.
    for (const options of this.preloads.values()) {
      const creating = ImageClassifier.create(options);
      await world.advance(30_000);
      (await creating).destroy();
    }
    await world.advance(60_000);
    expect({
      ...diagnostics(),
      running: world.workers.length,
      hosts: world.hosts.size,
      loaded: world.models.length,
      timers: world.timers,
      listeners: world.listeners.size,
      open: open.size,
      videos: this.videos.reduce((sum, { listening }) => sum + listening, 0),
      callbacks: this.videos.reduce((sum, { callbacks }) => sum + callbacks.size, 0),
    }).toEqual({
      deployments: 0,
      workers: 0,
      models: 0,
      payloads: 0,
      heldBytes: 0,
      running: 0,
      hosts: 0,
      loaded: 0,
      timers: 0,
      listeners: 0,
      open: 0,
      videos: 0,
      callbacks: 0,
    });
    for (const { classifier } of this.made) {
      await expect(classifier.classify('https://a/')).rejects.toMatchObject({ code: 'destroyed' });
    }
  }
}

testSequences(200, step, async (steps) => {
  open.clear();
  pageBudget.open = 0;
  pageBudget.held = 0;
  // Of a sequence that has failed.
  for (const deployment of [...liveDeployments]) deployment.destroy();
  loadedModels.clear();
  const run = new Run();
  await run.do({ op: 'create', which: 0, device: 'auto' });
  await run.do({ op: 'wait', n: 15 });
  for (const each of steps) await run.do(each);
  await settle();
  await run.finish();
});
