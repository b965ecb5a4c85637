/**
 * Random sequences of what a page and its user can do to classifiers, in any order, against what has to
 * hold whatever happens. `TABSERVE_SEQUENCES=10000` runs so many; `src/testing/seed.ts` says which.
 */
import { getEventListeners, setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { type ErrorCode, TabserveError } from '../base/errors.js';
import { diagnostics } from '../serving/diagnostics.js';
import type { Environment } from '../serving/environment.js';
import { pageBudget } from '../serving/held-payload.js';
import { type Answer, settle, World } from '../serving/testing/world.js';
import { ImageClassifier } from './image-classifier.js';

setMaxListeners(0);

const sequences = Number(process.env.TABSERVE_SEQUENCES ?? 200);

/** The page's platform, by another one whose clock stands still. */
const stage = vi.hoisted(() => ({ world: undefined as unknown }));
vi.mock('../serving/environment.js', async (original) => {
  const actual = await original<typeof import('../serving/environment.js')>();
  const page = new Proxy({} as Environment, {
    get: (_, name) => Reflect.get(stage.world as object, name),
  });
  return { ...actual, page };
});

/** Frames that are open on the page. */
const frames = new Set<Frame>();

class Frame {
  readonly codedWidth = 8;
  readonly codedHeight = 8;

  constructor(readonly source: unknown) {
    frames.add(this);
  }

  clone(): Frame {
    if (!frames.has(this)) throw new DOMException('It is closed.', 'InvalidStateError');
    return new Frame(this.source);
  }

  close(): void {
    frames.delete(this);
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

  requestVideoFrameCallback(callback: (now: number, frame: { mediaTime: number }) => void): number {
    this.callbacks.set(this.#next, callback);
    return this.#next++;
  }

  cancelVideoFrameCallback(handle: number): void {
    this.callbacks.delete(handle);
  }

  /** Is told of each frame, before anybody who follows the video. */
  onpresent: (mediaTime: number) => void = () => undefined;

  /** Shows the next frame. */
  present(): void {
    this.currentTime += 1;
    this.onpresent(this.currentTime);
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
const codes: readonly ErrorCode[] = ['network', 'worker-crashed', 'device-lost', 'model-invalid'];
const which = fc.nat({ max: 2 });
const kind = { which, device: fc.constantFrom(...devices) };
const n = fc.nat({ max: 4 });

const step = fc.oneof(
  fc.record({ op: fc.constantFrom('preload' as const, 'create' as const), ...kind }),
  fc.record({
    op: fc.constant('classify' as const),
    n,
    what: fc.constantFrom('address' as const, 'video' as const, 'list' as const),
    timeout: fc.constantFrom(undefined, undefined, 1, 50),
  }),
  fc.record({ op: fc.constant('watch' as const), n, breaks: fc.boolean() }),
  fc.record({ op: fc.constantFrom('refresh' as const, 'destroy' as const, 'abort' as const), n }),
  fc.record({ op: fc.constantFrom('frame' as const, 'frame' as const, 'end' as const), n }),
  fc.record({ op: fc.constant('die' as const), n, code: fc.constantFrom(...codes.slice(0, 3)) }),
  fc.record({
    op: fc.constantFrom('failLoad' as const, 'failStart' as const, 'failRun' as const),
    code: fc.constantFrom(...codes),
  }),
  fc.record({
    op: fc.constantFrom(
      'update' as const,
      'hide' as const,
      'show' as const,
      'offline' as const,
      'online' as const,
      'faster' as const,
    ),
  }),
  fc.record({ op: fc.constant('turns' as const), n: fc.nat({ max: 12 }) }),
  fc.record({ op: fc.constant('sleep' as const), n: fc.constantFrom(1_000, 60_000) }),
  fc.record({
    op: fc.constant('wait' as const),
    n: fc.constantFrom(1, 3, 5, 8, 10, 15, 100, 500, 1_000, 12_000),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Made {
  classifier: ImageClassifier;
  name: string;
  /** What it answers by now has at least this version. */
  least: number;
  isDestroyed: boolean;
}

/** A call, a loop, or a load. */
interface Call {
  what: string;
  controller: AbortController;
  isOver: boolean;
  settled: Promise<unknown>;
}

/** One run of the sequence. */
class Run {
  readonly world = new World();
  readonly made: Made[] = [];
  readonly videos: Video[] = [];
  readonly calls: Call[] = [];
  readonly preloads = new Map<string, object>();

  constructor() {
    stage.world = this.world;
  }

  async do(step: Step): Promise<void> {
    const { world } = this;
    switch (step.op) {
      case 'preload': {
        const options = this.#options(step);
        return this.#call('preload', async () => {
          await ImageClassifier.preload(options);
        });
      }
      case 'create': {
        const options = this.#options(step);
        return this.#call('create', async (signal) => {
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
        return this.#classify(step);
      case 'watch':
        return this.#watch(step);
      case 'refresh': {
        const made = this.#nth(step.n);
        if (!made) return;
        const { version } = world;
        return this.#call('refresh', async (signal) => {
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
      case 'abort':
        this.calls.at(-1 - step.n)?.controller.abort(new Error('aborted'));
        return;
      case 'frame':
        // A hidden tab shows none.
        if (!world.isHidden) this.videos.at(-1 - step.n)?.present();
        return;
      case 'end':
        this.videos.at(-1 - step.n)?.end();
        return;
      case 'die':
        world.workers[step.n]?.die(new TabserveError(step.code, 'It died.'));
        return;
      case 'failLoad':
        world.loadErrors.push(new TabserveError(step.code, 'The load fails.'));
        return;
      case 'failStart':
        world.startErrors.push(new TabserveError(step.code, 'The start fails.'));
        return;
      case 'failRun':
        world.runErrors.push(new TabserveError(step.code, 'The run fails.'));
        return;
      case 'update':
        world.version += 1;
        return;
      case 'hide':
      case 'show':
        world.isHidden = step.op === 'hide';
        return;
      case 'offline':
        world.isOffline = true;
        return;
      case 'online':
        return world.goOnline();
      case 'faster':
        world.speed = { wasm: 10, webgpu: 2 };
        return;
      case 'turns':
        for (let turn = 0; turn < step.n; turn += 1) await Promise.resolve();
        return;
      case 'sleep':
        // Frozen: time passes, and no timer goes off before the page is back.
        world.clock += step.n;
        return;
      case 'wait':
        return world.advance(step.n);
    }
  }

  #options({ which, device }: { which: number; device: (typeof devices)[number] }) {
    const options = { model: names[which] as string, device };
    this.preloads.set(JSON.stringify(options), options);
    return options;
  }

  #nth(n: number): Made | undefined {
    return this.made.at(-1 - n);
  }

  #classify({ n, what, timeout }: Extract<Step, { op: 'classify' }>): void {
    const made = this.#nth(n);
    if (!made) return;
    const { least } = made;
    const options = timeout === undefined ? {} : { timeout };
    this.#call(`classify ${what}`, async (signal) => {
      if (what === 'list') {
        const urls = ['https://a/1', 'https://a/2', 'https://a/3'];
        const answers = await made.classifier.classify(urls, { ...options, signal });
        expect(answers).toHaveLength(3);
        for (const [i, answer] of answers.entries()) this.#check(made, answer, least, urls[i]);
        return;
      }
      const source = what === 'video' ? new Video() : 'https://a/0';
      const answer = await made.classifier.classify(source as string, { ...options, signal });
      this.#check(made, answer, least, source);
    });
  }

  #watch({ n, breaks }: Extract<Step, { op: 'watch' }>): void {
    const made = this.#nth(n);
    if (!made) return;
    const video = new Video();
    this.videos.push(video);
    // A frame that was asked about before a refresh may be answered after it.
    const least = new Map([[0, made.least]]);
    video.onpresent = (mediaTime) => least.set(mediaTime, made.least);
    this.#call('watch', async (signal) => {
      let latest = -1;
      const frames = made.classifier.watch(video as unknown as HTMLVideoElement, { signal });
      for await (const { classifications, mediaTime } of frames) {
        this.#check(made, classifications, least.get(mediaTime) ?? Number.NaN, video);
        // No frame is classified twice, and none before one that came earlier.
        expect(mediaTime).toBeGreaterThan(latest);
        latest = mediaTime;
        if (breaks && mediaTime >= 2) break;
      }
    });
  }

  /** Whether an answer is the right model's, of a version as new as it has to be, to this question. */
  #check({ name }: Made, answer: unknown, least: number, source: unknown): void {
    const { model, version, payload } = answer as Answer;
    expect(model).toBe(name);
    expect(version).toBeLessThanOrEqual(this.world.version);
    expect(version).toBeGreaterThanOrEqual(least);
    const { url, frame } = payload as { url?: string; frame?: Frame };
    expect(url ?? frame?.source).toBe(source);
  }

  #call(what: string, make: (signal: AbortSignal) => Promise<unknown>): void {
    const controller = new AbortController();
    const call: Call = { what, controller, isOver: false, settled: Promise.resolve() };
    call.settled = make(controller.signal)
      .catch((error: unknown) => {
        // What fails is one of the errors that were planted, or an abort, never a defect.
        if (error instanceof TabserveError) expect(error.code, what).not.toBe('internal');
        else if (!(error instanceof Error) || error.message !== 'aborted') throw error;
      })
      .finally(() => {
        call.isOver = true;
      });
    call.settled.catch(() => undefined);
    this.calls.push(call);
  }

  /** When nothing new happens, everything ends, and what is left serves. */
  async finish(): Promise<void> {
    const { world } = this;
    world.loadErrors.length = 0;
    world.startErrors.length = 0;
    world.runErrors.length = 0;
    world.isHidden = false;
    world.goOnline();
    for (const video of this.videos) {
      video.present();
      await world.advance(50);
      video.end();
    }
    await world.advance(120_000);
    for (const { what, isOver, settled } of this.calls) {
      expect(isOver, `${what} ends`).toBe(true);
      await settled;
    }
    for (const made of this.made.filter(({ isDestroyed }) => !isDestroyed)) {
      const asked = made.classifier.classify('https://a/last');
      await world.advance(30_000);
      this.#check(made, await asked, made.least, 'https://a/last');
      expect(made.classifier.state).toMatch(/ready|degraded/);
    }
    for (const { classifier } of this.made) classifier.destroy();
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
      frames: frames.size,
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
      frames: 0,
      videos: 0,
      callbacks: 0,
    });
    for (const { classifier } of this.made) {
      await expect(classifier.classify('https://a/')).rejects.toMatchObject({ code: 'destroyed' });
    }
  }
}

it(`${sequences} random sequences leave nothing lost`, { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const before = diagnostics();
      frames.clear();
      pageBudget.open = 0;
      pageBudget.held = 0;
      expect(before.deployments).toBe(0);
      const run = new Run();
      await run.do({ op: 'create', which: 0, device: 'auto' });
      await run.do({ op: 'wait', n: 15 });
      for (const each of steps) await run.do(each);
      await settle();
      await run.finish();
    }),
    { numRuns: sequences },
  );
});
