/** What the audio room's two sides agree on: what travels, and what a network wants to be given. */

/** A sound as it travels from the page to the worker. */
export interface CapturedAudio {
  /** One array per channel, all of one length; −1…1. */
  channels: Float32Array<ArrayBuffer>[];
  /** Hz. */
  sampleRate: number;
  /** Whether the source went on after this. */
  isCut: boolean;
  /**
   * Whether the browser decoded it at another rate than the file's own, which it cannot be told to
   * do where the file's header does not say its rate, or says one that an `AudioContext` refuses.
   */
  isBrowserResampled: boolean;
}

/** Samples as they are, as networks want them that have their own filters (Wav2Vec2, HuBERT). */
export interface WaveformFeatures {
  kind: 'waveform';
  /** Hz that the network was trained with. */
  samplingRate: number;
  /** Bring to zero mean and unit variance, as `Wav2Vec2FeatureExtractor` does. @default true */
  normalize?: boolean | undefined;
  /** Exactly so many samples: shorter ones are filled up with zeros. @default as many as there are */
  samples?: number | undefined;
  /** At most so many samples; what follows is left out. @default 30 seconds */
  maxSamples?: number | undefined;
  /** At least so many: shorter ones are filled up with zeros. @default 1 */
  minSamples?: number | undefined;
  /**
   * Leave what was filled up out of mean and variance, as an extractor with `return_attention_mask`
   * does. @default false
   */
  attentionMask?: boolean | undefined;
}

/**
 * Kaldi's log-mel filter banks as `ASTFeatureExtractor` computes them by torchaudio: frames of 25 ms
 * every 10 ms, without their mean, with pre-emphasis 0.97 and a symmetric Hann window. Transformers
 * without torchaudio differs in the first sample of a frame; models were trained with torchaudio.
 * Shape `[frames, melBins]`.
 */
export interface KaldiFeatures {
  kind: 'kaldi-fbank';
  /** Hz. */
  samplingRate: number;
  /** @default 128 */
  melBins?: number | undefined;
  /** More are left out, fewer are filled up with zeros (before `mean` and `std`). @default 1024 */
  frames?: number | undefined;
  /** `(x − mean) / (2 · std)`. @default true */
  normalize?: boolean | undefined;
  /** @default −4.2677393, AudioSet's */
  mean?: number | undefined;
  /** @default 4.5689974, AudioSet's */
  std?: number | undefined;
}

/**
 * Log-mel spectra as `WhisperFeatureExtractor` computes them: centred frames with a periodic Hann
 * window, Slaney's filters up to 8 kHz, logarithm to base 10, at most 8 below the maximum,
 * `(x + 4) / 4`. Shape `[melBins, frames]`.
 */
export interface WhisperFeatures {
  kind: 'whisper-log-mel';
  /** Hz. */
  samplingRate: number;
  /** @default 80 */
  melBins?: number | undefined;
  /** Samples per frame, even. @default 400 */
  fftLength?: number | undefined;
  /** Samples from one frame to the next. @default 160 */
  hopLength?: number | undefined;
  /** Seconds: more is left out, less is filled up with zeros. @default 30 */
  seconds?: number | undefined;
  /** Bring the samples to zero mean and unit variance first. @default false */
  normalize?: boolean | undefined;
}

/** How a sound becomes what a network takes. */
export type AudioFeatures = WaveformFeatures | KaldiFeatures | WhisperFeatures;
