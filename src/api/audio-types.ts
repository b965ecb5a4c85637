/** The public vocabulary of classifying sounds. */
import type {
  AudioManifest,
  AudioReport,
  AudioWindow,
} from '../tasks/audio-classification/types.js';
import type {
  Classification,
  ClassifierInfo,
  ClassifyOptions,
  CreateOptions,
  ModelSource,
  RequestReport,
} from './types.js';

export type {
  AudioFeatures,
  KaldiFeatures,
  WaveformFeatures,
  WhisperFeatures,
} from '../input/audio/types.js';
export type {
  AudioInput,
  AudioManifest,
  AudioReport,
  AudioWindow,
} from '../tasks/audio-classification/types.js';

/** As {@link ModelSource}, with a manifest of a classifier of sounds. */
export type AudioModelSource =
  | Exclude<ModelSource, { manifest: unknown }>
  | { manifest: AudioManifest; files?: Readonly<Record<string, Blob>>; baseUrl?: string | URL };

/** Options of `AudioClassifier.create()`. */
export interface AudioCreateOptions
  extends Omit<CreateOptions, 'model' | 'preprocessing' | 'maxPixels'> {
  /** tabserve has no model of sounds of its own. */
  model: AudioModelSource;
  /**
   * Seconds of a sound that are captured; what follows is left out, which the `request` event says
   * (`isTruncated`). Models look at less: see `info.model.seconds`. 0.01 to 3,600.
   * @default 60
   */
  maxSeconds?: number;
}

/** Options of `AudioClassifier.preload()`. */
export type AudioPreloadOptions = Omit<AudioCreateOptions, 'signal' | 'monitor'>;

/** Options of `AudioClassifier.classify()`. */
export type AudioClassifyOptions = Omit<ClassifyOptions, 'crop' | 'quality'>;

/** Options of `AudioClassifier.watch()`. */
export interface AudioWatchOptions extends Omit<AudioClassifyOptions, 'id'> {
  /** Seconds that are listened to at a time. @default what the model looks at, at most 10 */
  seconds?: number;
  /** Seconds from the end of one such window to the end of the next, at least. @default half of it */
  hop?: number;
}

/** One window's answer, from `AudioClassifier.watch()`. */
export interface AudioWatchResult {
  /** Sorted by score. */
  classifications: Classification[];
  /** Seconds from the beginning of listening to the end of the window. */
  time: number;
  /** Seconds since the last window that were in none, and were let go. */
  skippedSeconds: number;
}

/** What a classifier of sounds runs on. */
export interface AudioClassifierInfo extends Omit<ClassifierInfo, 'model' | 'preprocessing'> {
  model: Omit<ClassifierInfo['model'], 'width' | 'height'> & AudioWindow;
}

/** The `detail` of the `request` event: one finished request. */
export interface AudioRequestReport extends Omit<RequestReport, 'preprocessing'> {
  /** What became of the sound on its way to the network. */
  preprocessing: AudioReport;
}
