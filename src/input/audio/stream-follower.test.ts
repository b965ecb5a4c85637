/** The newest seconds of a live sound: windows, hops, what is skipped, and how listening ends. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamFollower } from './stream-follower.js';

/** Samples of a track as the browser hands them out. */
class Sound {
  isClosed = false;

  constructor(
    readonly channels: Float32Array[],
    readonly sampleRate: number,
  ) {}

  get numberOfChannels() {
    return this.channels.length;
  }

  get numberOfFrames() {
    return this.channels[0]?.length ?? 0;
  }

  copyTo(into: Float32Array, { planeIndex }: { planeIndex: number }) {
    into.set(this.channels[planeIndex] ?? []);
  }

  close() {
    this.isClosed = true;
  }
}

class Track extends EventTarget {
  readyState = 'live';
  readonly clones: Track[] = [];
  controller: ReadableStreamDefaultController<Sound> | undefined;
  hasFailed = false;
  readonly given: Sound[] = [];
  isStopped = false;

  clone(): Track {
    const clone = new Track();
    this.clones.push(clone);
    return clone;
  }

  stop() {
    if (this.isStopped) return;
    this.isStopped = true;
    if (!this.hasFailed) this.controller?.close();
  }

  fail(error: Error) {
    this.hasFailed = true;
    this.controller?.error(error);
  }

  /** Samples that count on from `from`, of the track's clone. */
  async play(from: number, count: number, { channels = 1, rate = 10 } = {}) {
    const samples = Array.from({ length: channels }, (_, channel) =>
      Float32Array.from({ length: count }, (_, i) => (from + i) * (channel + 1)),
    );
    const sound = new Sound(samples, rate);
    this.given.push(sound);
    this.clones[0]?.controller?.enqueue(sound);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

let track: Track;
let controller: AbortController;
const follow = (seconds = 1, hop = 0.5) =>
  new StreamFollower({ getAudioTracks: () => [track] } as unknown as MediaStream, {
    seconds,
    hop,
    signal: controller.signal,
  });
const state = async (promise: Promise<unknown>) =>
  Promise.race([
    promise.then(() => 'there'),
    new Promise((resolve) => setTimeout(resolve, 10, 'waiting')),
  ]);

beforeEach(() => {
  track = new Track();
  controller = new AbortController();
  vi.stubGlobal('AudioData', Sound);
  vi.stubGlobal(
    'MediaStreamTrackProcessor',
    class {
      readonly readable;
      constructor({ track: clone }: { track: Track }) {
        this.readable = new ReadableStream<Sound>({
          start: (stream) => {
            clone.controller = stream;
          },
        });
      }
    },
  );
});
afterEach(() => {
  controller.abort();
  vi.unstubAllGlobals();
});

describe('a live sound', () => {
  it('gives a window when it is full, and the next when enough of it is new', async () => {
    const follower = follow();
    const first = follower.next();
    await track.play(0, 6);
    expect(await state(first)).toBe('waiting');
    await track.play(6, 6);
    expect(await first).toEqual({
      samples: [Float32Array.of(2, 3, 4, 5, 6, 7, 8, 9, 10, 11)],
      sampleRate: 10,
      time: 1.2,
      skipped: 0.2,
    });
    const second = follower.next();
    await track.play(12, 4);
    expect(await state(second)).toBe('waiting');
    await track.play(16, 1);
    expect(await second).toMatchObject({ time: 1.7, skipped: 0 });
    expect(track.given.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it('lets go what passes while nobody asks', async () => {
    const follower = follow();
    await track.play(0, 10);
    await follower.next();
    await track.play(10, 35);
    const heard = await follower.next();
    expect(heard).toMatchObject({ time: 4.5, skipped: 2.5 });
    expect([...(heard?.samples[0] ?? [])]).toEqual([35, 36, 37, 38, 39, 40, 41, 42, 43, 44]);
  });

  it('begins anew where its rate or its channels change', async () => {
    const follower = follow();
    await track.play(0, 10);
    await follower.next();
    const next = follower.next();
    await track.play(100, 10, { channels: 2, rate: 20 });
    expect(await state(next)).toBe('waiting');
    await track.play(110, 10, { channels: 2, rate: 20 });
    const heard = await next;
    expect(heard).toMatchObject({ sampleRate: 20, time: 1, skipped: 0 });
    expect(heard?.samples.map(([sample]) => sample)).toEqual([100, 200]);
  });

  it('ends with its track, after what was heard', async () => {
    const follower = follow();
    await track.play(0, 10);
    track.readyState = 'ended';
    track.dispatchEvent(new Event('ended'));
    expect(await follower.next()).toMatchObject({ time: 1 });
    expect(await follower.next()).toBeUndefined();
    expect(track.clones[0]?.isStopped).toBe(true);
    // The caller's own track goes on, if it does.
    expect(track.isStopped).toBe(false);
  });

  it('ends with the signal, and leaves neither a clone nor a listener', async () => {
    const follower = follow();
    const waiting = follower.next();
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    await vi.waitFor(() => expect(track.clones[0]?.isStopped).toBe(true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(getEventListeners(track, 'ended')).toHaveLength(0);
  });

  it('passes on why listening failed', async () => {
    const follower = follow();
    const waiting = follower.next();
    track.clones[0]?.fail(new Error('The microphone was unplugged.'));
    await expect(waiting).rejects.toThrow('unplugged');
  });

  it('is none without a track that is live', () => {
    track.readyState = 'ended';
    expect(() => follow()).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});

it('is heard by an AudioWorklet where the browser has no processor of tracks', async () => {
  vi.stubGlobal('MediaStreamTrackProcessor', undefined);
  const port: { onmessage?: (event: { data: Float32Array[] }) => void } = {};
  const closed = vi.fn(async () => undefined);
  const modules: string[] = [];
  vi.stubGlobal(
    'AudioContext',
    class {
      readonly sampleRate = 10;
      readonly audioWorklet = {
        addModule: async (url: string) => void modules.push(await (await fetch(url)).text()),
      };
      resume = async () => undefined;
      close = closed;
      createMediaStreamSource = () => ({ connect: () => undefined });
    },
  );
  vi.stubGlobal(
    'AudioWorkletNode',
    class {
      readonly port = port;
    },
  );
  vi.stubGlobal('MediaStream', class {});
  const follower = follow();
  const next = follower.next();
  await vi.waitFor(() => expect(port.onmessage).toBeDefined());
  expect(modules[0]).toContain("registerProcessor('tabserve-listen'");
  port.onmessage?.({ data: [Float32Array.from({ length: 10 }, (_, i) => i)] });
  expect(await next).toMatchObject({ time: 1, sampleRate: 10 });
  controller.abort('enough');
  await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1));
});

it('the worklet sends what it has heard in batches, with the channels that there are', async () => {
  vi.stubGlobal('MediaStreamTrackProcessor', undefined);
  const texts: string[] = [];
  vi.stubGlobal(
    'AudioContext',
    class {
      readonly audioWorklet = {
        addModule: async (url: string) => {
          texts.push(await (await fetch(url)).text());
          throw new DOMException('No.', 'AbortError');
        },
      };
      close = async () => undefined;
    },
  );
  await expect(follow().next()).rejects.toMatchObject({ name: 'AbortError' });
  const sent: Float32Array[][] = [];
  let Processor: (new () => { process(inputs: Float32Array[][]): boolean }) | undefined;
  new Function('registerProcessor', 'AudioWorkletProcessor', texts[0] ?? '')(
    (_name: string, made: typeof Processor) => {
      Processor = made;
    },
    class {
      port = { postMessage: (kept: Float32Array[]) => sent.push(kept.map((each) => each.slice())) };
    },
  );
  if (!Processor) throw new Error('Nothing was registered.');
  const processor = new Processor();
  expect(processor.process([[]])).toBe(true);
  for (let block = 0; block < 32; block += 1) {
    const samples = Float32Array.from({ length: 128 }, (_, i) => block * 128 + i);
    processor.process([[samples, samples.map((each) => -each)]]);
  }
  expect(sent.map((batch) => batch.map(({ length }) => length))).toEqual([
    [2048, 2048],
    [2048, 2048],
  ]);
  expect(sent[1]?.[0]?.[0]).toBe(2048);
  expect(sent[1]?.[1]?.[2047]).toBe(-4095);
});
