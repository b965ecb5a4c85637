/// <reference lib="esnext.disposable" preserve="true" />
/** Audio classification: which class a sound belongs to. */

import { TabserveError } from '../base/errors.js';
import { part } from '../base/part.js';
import type { AudioSource } from '../input/audio/capture.js';
import type { CapturedAudio } from '../input/audio/types.js';
import type { AudioWindow } from '../tasks/audio-classification/types.js';
import { latePage } from '../tasks/late-page.js';
import type { AssetOptions } from '../wire/assets.js';
import type {
  AudioClassifierInfo,
  AudioClassifyOptions,
  AudioCreateOptions,
  AudioPreloadOptions,
  AudioRequestReport,
  AudioWatchOptions,
  AudioWatchResult,
} from './audio-types.js';
import {
  availabilityOf,
  createHandle,
  type HandleKind,
  ModelHandle,
  type ModelHandleEventMap,
  preloadHandle,
} from './model-handle.js';
import { modelFacts, runtimeFacts } from './model-info.js';
import { answerOptions, checkClassifyOptions, inRange, labelOptions } from './options.js';
import type { Availability, Classification, CreateOptions } from './types.js';

/** The events of an {@link AudioClassifier}. */
export interface AudioClassifierEventMap extends Omit<ModelHandleEventMap, 'request'> {
  /** A request was answered; `detail` says what it cost, and how much of the sound was heard. */
  request: CustomEvent<AudioRequestReport>;
}

const defaultMaxSeconds = 60;
/** Seconds of live sound that are listened to at a time, where the model would take more. */
const defaultMaxWindow = 10;

/** @throws TabserveError `invalid-argument`. */
function kindOf({
  model,
  maxSeconds = defaultMaxSeconds,
}: Pick<AudioCreateOptions, 'model' | 'maxSeconds'>) {
  if (model === undefined) {
    throw new TabserveError(
      'invalid-argument',
      'AudioClassifier needs a "model": tabserve embeds no model of sounds. Pass the address of a model.json, or "hf:owner/name".',
    );
  }
  inRange(maxSeconds, 'maxSeconds', 0.01, 3600);
  const kind: HandleKind<AudioSource, CapturedAudio> = {
    task: latePage('audio-classification', 'audio', ({ audioClassificationPage }) =>
      audioClassificationPage(maxSeconds),
    ),
    options: `maxSeconds ${labelOptions}`,
    // Not for the worker: a model that was loaded ahead is found by its settings.
    taskSettings: () => ({ maxSeconds }),
  };
  return kind;
}

/**
 * Classifies sounds with one model.
 *
 * The browser decodes files beside the page's thread; mixing, resampling, features and the network
 * are in a worker. No sound leaves the page.
 *
 * @example
 * ```ts
 * const classifier = await AudioClassifier.create({ model: 'hf:owner/name' });
 * const [best] = await classifier.classify(fileOrBufferOrUrl);
 * console.log(best?.label, best?.score);
 * ```
 */
export class AudioClassifier extends ModelHandle<AudioSource, CapturedAudio> {
  /** As `ImageClassifier.availability()`. */
  static async availability(
    options: Pick<AudioCreateOptions, 'model' | 'device' | keyof AssetOptions>,
  ): Promise<Availability> {
    return availabilityOf(kindOf(options), options as CreateOptions);
  }

  /**
   * Loads a model.
   *
   * @throws TabserveError as `ImageClassifier.create()`.
   */
  static async create(options: AudioCreateOptions): Promise<AudioClassifier> {
    const kind = kindOf(options);
    return createHandle(kind, (parts) => new AudioClassifier(parts), options as CreateOptions);
  }

  /** Loads worker, engine and model ahead, as `ImageClassifier.preload()`. */
  static async preload(options: AudioPreloadOptions): Promise<void> {
    return preloadHandle(kindOf(options), options as CreateOptions);
  }

  /** What the classifier runs on, and why. */
  get info(): AudioClassifierInfo {
    const { serving } = this;
    const window = serving.loaded.report as AudioWindow;
    return { model: { ...modelFacts(serving), ...window }, ...runtimeFacts(serving) };
  }

  /**
   * Says what a sound is.
   *
   * Samples are captured at the call; a file or an address when its turn comes. Of a long sound the
   * model looks at the beginning, `info.model.seconds`; the `request` event says whether that was
   * all. The caller's buffers stay usable.
   *
   * @param sound - A file in any format that the browser decodes, or samples with their rate.
   * @returns The best answers, by score, ties by lowest index.
   * @throws TabserveError `invalid-argument`, `audio-…`, `network`, `timeout`, `queue-full`,
   *   `worker-crashed`, `device-lost`, `out-of-memory`, `model-invalid`, `destroyed`; or
   *   `signal.reason`.
   */
  async classify(sound: AudioSource, options?: AudioClassifyOptions): Promise<Classification[]>;
  /**
   * Says what each of several sounds is: one list of answers per sound, in their order. The first
   * failure rejects the whole call; its `details.sound` is the sound's place.
   */
  async classify(
    sounds: readonly AudioSource[],
    options?: AudioClassifyOptions,
  ): Promise<Classification[][]>;
  async classify(
    sounds: AudioSource | readonly AudioSource[],
    options: AudioClassifyOptions = {},
  ): Promise<Classification[] | Classification[][]> {
    checkClassifyOptions(options, answerOptions);
    const { topK = 5, threshold = 0, thresholds = null, allow = null, deny = null } = options;
    const question = { topK, threshold, thresholds, allow, deny };
    const answer = isList(sounds)
      ? this.askAll(sounds, options, question, 'sound')
      : this.ask(sounds, options, question);
    return (await answer) as Classification[] | Classification[][];
  }

  /**
   * Classifies a live sound, window after window, for as long as the loop asks.
   *
   * The newest window wins: what passes during a classification or while the loop's body runs is let
   * go, never queued. Ends with the stream's track, by `break`, or by `signal`, whose reason it then
   * throws. The stream stays the caller's.
   *
   * @example
   * ```ts
   * const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
   * for await (const { classifications } of classifier.watch(stream)) show(classifications[0]);
   * ```
   */
  async *watch(
    stream: MediaStream,
    { seconds, hop, signal, ...options }: AudioWatchOptions = {},
  ): AsyncGenerator<AudioWatchResult, void> {
    const length = seconds ?? Math.min(this.info.model.seconds, defaultMaxWindow);
    inRange(length, 'seconds', 0.01, 600);
    inRange(hop, 'hop', 0.01, 600);
    checkClassifyOptions(options, answerOptions);
    const stop = new AbortController();
    const signals = [stop.signal, this.life, ...(signal ? [signal] : [])];
    const { StreamFollower } = await part(import('../input/audio/page.js'));
    const follower = new StreamFollower(stream, {
      seconds: length,
      hop: hop ?? length / 2,
      signal: AbortSignal.any(signals),
    });
    try {
      for (;;) {
        const heard = await follower.next();
        if (!heard) return;
        const classifications = await this.classify(heard, {
          ...options,
          ...(signal && { signal }),
        });
        yield { classifications, time: heard.time, skippedSeconds: heard.skipped };
      }
    } finally {
      stop.abort();
    }
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof AudioClassifierEventMap>(
    type: Type,
    listener: (this: this, event: AudioClassifierEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }
}

function isList(sounds: AudioSource | readonly AudioSource[]): sounds is readonly AudioSource[] {
  return Array.isArray(sounds);
}
