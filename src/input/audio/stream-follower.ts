/** The newest seconds of a live sound, at the pace of whoever asks for them. */
import { untilAborted } from '../../base/abort.js';
import { TabserveError } from '../../base/errors.js';
import type { AudioSamples } from './capture.js';

/** A stretch of a live sound. */
export interface HeardWindow extends AudioSamples {
  samples: Float32Array<ArrayBuffer>[];
  /** Seconds from the beginning of listening to the end of the window. */
  time: number;
  /** Seconds that were neither in this window nor in one before. */
  skipped: number;
}

/** Samples as they come: one array per channel. */
type Listener = (channels: readonly Float32Array[], sampleRate: number) => void;

/** Samples that an `AudioWorklet` collects before it sends them. */
const workletBatch = 2048;

/**
 * Follows a stream of sound.
 *
 * Nothing is ever queued: a ring holds the newest seconds, and {@link next} waits until enough of it
 * is new. What passes while nobody asks is gone.
 */
export class StreamFollower {
  readonly #seconds: number;
  readonly #hop: number;
  readonly #signal: AbortSignal;
  #ring: Float32Array[] = [];
  #sampleRate = 0;
  /** Samples heard so far, and up to the end of the last window. */
  #heard = 0;
  #taken = 0;
  #hasEnded = false;
  #failure: unknown;
  #wake: () => void = () => undefined;

  /**
   * @param stream - With a track of sound that has not ended.
   * @param options - `seconds`: of a window. `hop`: from one window to the next, at least.
   * @throws TabserveError `invalid-argument` for a stream without sound.
   */
  constructor(
    stream: MediaStream,
    { seconds, hop, signal }: { seconds: number; hop: number; signal: AbortSignal },
  ) {
    this.#seconds = seconds;
    this.#hop = hop;
    this.#signal = signal;
    const track = stream.getAudioTracks().find(({ readyState }) => readyState === 'live');
    if (!track) {
      throw new TabserveError(
        'invalid-argument',
        'The MediaStream has no track of sound that is live. Ask getUserMedia for { audio: true }.',
      );
    }
    const end = () => {
      this.#hasEnded = true;
      this.#wake();
    };
    track.addEventListener('ended', end, { signal });
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    listen(track, (channels, rate) => this.#hear(channels, rate), signal).then(end, (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /**
   * The newest window, once it is full and a `hop` has passed since the last; `undefined` when the
   * track has ended.
   *
   * @throws the signal's reason; what listening failed with.
   */
  async next(): Promise<HeardWindow | undefined> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const length = this.#ring[0]?.length ?? Number.POSITIVE_INFINITY;
      const fresh = this.#heard - this.#taken;
      if (this.#heard >= length && (this.#taken === 0 || fresh >= this.#hop * this.#sampleRate)) {
        return this.#take(length, fresh);
      }
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(length: number, fresh: number): HeardWindow {
    const start = this.#heard % length;
    const samples = this.#ring.map((ring) => {
      const straight = new Float32Array(length);
      straight.set(ring.subarray(start));
      straight.set(ring.subarray(0, start), length - start);
      return straight;
    });
    const skipped = this.#taken === 0 ? this.#heard - length : Math.max(0, fresh - length);
    this.#taken = this.#heard;
    return {
      samples,
      sampleRate: this.#sampleRate,
      time: this.#heard / this.#sampleRate,
      skipped: skipped / this.#sampleRate,
    };
  }

  #hear(channels: readonly Float32Array[], sampleRate: number): void {
    // A track may change both, such as when another microphone is chosen: then it begins anew.
    if (sampleRate !== this.#sampleRate || channels.length !== this.#ring.length) {
      const length = Math.max(1, Math.round(this.#seconds * sampleRate));
      this.#ring = channels.map(() => new Float32Array(length));
      this.#sampleRate = sampleRate;
      this.#heard = 0;
      this.#taken = 0;
    }
    const count = channels[0]?.length ?? 0;
    for (const [index, ring] of this.#ring.entries()) {
      const channel = channels[index]?.subarray(-ring.length) ?? new Float32Array(0);
      const at = (this.#heard + count - channel.length) % ring.length;
      const first = Math.min(channel.length, ring.length - at);
      ring.set(channel.subarray(0, first), at);
      ring.set(channel.subarray(first), 0);
    }
    this.#heard += count;
    this.#wake();
  }
}

/** Hands on what the track sounds like until it ends or the signal aborts. */
async function listen(
  track: MediaStreamTrack,
  heard: Listener,
  signal: AbortSignal,
): Promise<void> {
  const { MediaStreamTrackProcessor: Processor } = globalThis as {
    MediaStreamTrackProcessor?: new (init: {
      track: MediaStreamTrack;
    }) => {
      readable: ReadableStream<AudioData>;
    };
  };
  // The samples as they are, with no script to load and no gesture to wait for; Chromium has it.
  if (Processor && typeof AudioData === 'function') {
    // A clone: reading ends with it, and the track stays the caller's.
    const clone = track.clone();
    const stop = () => clone.stop();
    signal.addEventListener('abort', stop, { once: true });
    track.addEventListener('ended', stop, { once: true });
    try {
      const reader = new Processor({ track: clone }).readable.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || signal.aborted) {
          value?.close();
          return;
        }
        heard(planesOf(value), value.sampleRate);
        value.close();
      }
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      track.removeEventListener('ended', stop);
    }
  }
  await listenByWorklet(track, heard, signal);
}

function planesOf(data: AudioData): Float32Array[] {
  return Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(data.numberOfFrames);
    data.copyTo(plane, { planeIndex, format: 'f32-planar' });
    return plane;
  });
}

/** Runs on the audio thread, as text: it has to be a script of its own. */
const workletScript = `registerProcessor('tabserve-listen',class extends AudioWorkletProcessor{
constructor(){super();this.kept=[];this.at=0}
process([input]){const n=input.length;if(!n)return true;
if(this.kept.length!==n){this.kept=input.map(()=>new Float32Array(${workletBatch}));this.at=0}
for(let c=0;c<n;c++)this.kept[c].set(input[c],this.at);this.at+=input[0].length;
if(this.at>=${workletBatch}){this.port.postMessage(this.kept);this.at=0}return true}})`;

/**
 * By an `AudioWorklet`, which gets the track at the context's rate: where that differs from the
 * track's, the browser resamples.
 */
async function listenByWorklet(
  track: MediaStreamTrack,
  heard: Listener,
  signal: AbortSignal,
): Promise<void> {
  const context = new AudioContext();
  const url = URL.createObjectURL(new Blob([workletScript], { type: 'text/javascript' }));
  try {
    await untilAborted(context.audioWorklet.addModule(url), signal);
    // Waits for a gesture of the user where the browser wants one.
    await untilAborted(context.resume(), signal);
    const node = new AudioWorkletNode(context, 'tabserve-listen', { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<Float32Array[]>) =>
      heard(data, context.sampleRate);
    context.createMediaStreamSource(new MediaStream([track])).connect(node);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      track.addEventListener('ended', () => resolve(), { once: true });
    });
  } finally {
    URL.revokeObjectURL(url);
    await context.close();
  }
}
