/**
 * The page's side: any source of sound becomes samples that can be sent to the worker.
 *
 * The page decodes, because workers cannot (`decodeAudioData` is a page's alone); the browser does
 * that on a thread of its own. Nothing is computed here: mixing, resampling and features are the
 * worker's.
 */
import { untilAborted } from '../../base/abort.js';
import { asTabserveError, TabserveError } from '../../base/errors.js';
import { readAudioHeader } from './container.js';
import { maxChannels } from './mono.js';
import { checkSampleRate } from './resample.js';
import type { CapturedAudio } from './types.js';

/** Samples with their rate. */
export interface AudioSamples {
  /** −1…1: one channel, or one array per channel, all of one length. */
  samples: Float32Array | readonly Float32Array[];
  /** Hz, a whole number of 3,000 to 768,000. */
  sampleRate: number;
}

/**
 * What can be listened to: files in any format that the browser decodes, as bytes or addresses
 * (`http:`, `blob:`, `data:`, or relative to the page), and samples.
 */
export type AudioSource =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | URL
  | string
  | AudioBuffer
  | AudioSamples;

const accepted =
  'a Blob, File, ArrayBuffer or Uint8Array with an audio file, a URL or string, an AudioBuffer, or { samples, sampleRate } with a Float32Array';

/** Hz at which a file is decoded whose own rate is not known. */
const usualRate = 48_000;
/** Bytes of a file that cannot be cut. */
const maxWholeFile = 1 << 26;
/** Bytes that a file may decode to. */
const maxDecoded = 2 ** 30;

/**
 * Captures a sound. The source stays the caller's: samples are copied.
 *
 * @param maxSeconds - More is not taken, nor, where the format allows it, read and decoded.
 * @throws TabserveError `audio-undecodable` (no sound, or none that this browser decodes),
 *   `audio-too-long` (for a file that can only be decoded whole), `network`, `invalid-argument`
 *   (not an {@link AudioSource}); the signal's reason, at once.
 */
export async function captureAudio(
  source: AudioSource,
  maxSeconds: number,
  signal: AbortSignal,
): Promise<CapturedAudio> {
  const tag = Object.prototype.toString.call(source).slice(8, -1);
  switch (tag) {
    case 'AudioBuffer':
      return fromBuffer(source as AudioBuffer, maxSeconds, false);
    case 'Blob':
    case 'File':
      return decode(source as Blob, maxSeconds, signal);
    case 'URL':
    case 'String':
      return decode(await download(String(source), signal), maxSeconds, signal);
    case 'Float32Array':
      throw new TabserveError(
        'invalid-argument',
        'A Float32Array does not say its sampling rate. Pass { samples, sampleRate }.',
      );
  }
  if (ArrayBuffer.isView(source) || tag === 'ArrayBuffer' || tag === 'SharedArrayBuffer') {
    return decode(blobOf(source as ArrayBuffer | ArrayBufferView), maxSeconds, signal);
  }
  if (typeof source === 'object' && source !== null && 'samples' in source) {
    return fromSamples(source, maxSeconds);
  }
  throw new TabserveError(
    'invalid-argument',
    `A sound of type ${tag} is not accepted. Pass ${accepted}.`,
    { details: { type: tag } },
  );
}

async function decode(file: Blob, maxSeconds: number, signal: AbortSignal): Promise<CapturedAudio> {
  signal.throwIfAborted();
  if (file.size === 0) throw silent('The audio file has 0 bytes.');
  const header = await readAudioHeader(file).catch((error: unknown) => {
    throw asTabserveError(error, 'audio-undecodable', 'The audio file cannot be read.');
  });
  const { sampleRate, bytesPerSecond, dataStart = 0, seconds = 0 } = header ?? {};
  // One second more: a format's bytes per second need not begin at its first sound.
  const most = bytesPerSecond && dataStart + Math.ceil(bytesPerSecond * (maxSeconds + 1));
  const isLong = seconds * (sampleRate ?? usualRate) * 4 > maxDecoded;
  if (isLong || (most === undefined && file.size > maxWholeFile)) {
    throw new TabserveError(
      'audio-too-long',
      `The audio file has ${file.size} bytes${seconds ? ` and lasts ${Math.round(seconds)} s` : ''}, and its format can only be decoded whole. Pass a shorter part of it, or a WAV, FLAC, Ogg or MP3 file, of which the beginning is taken.`,
      { details: { bytes: file.size, seconds } },
    );
  }
  const isCut = most !== undefined && file.size > most;
  const [context, isOwn] = contextAt(sampleRate);
  const part = isCut ? file.slice(0, most) : file;
  const decoding = part.arrayBuffer().then((bytes) => {
    signal.throwIfAborted();
    return context.decodeAudioData(bytes);
  });
  const buffer = await untilAborted(decoding, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw asTabserveError(
      error,
      'audio-undecodable',
      `The ${file.size} bytes are not a sound that this browser can decode${header ? `, though they begin as ${header.format}` : ''}.`,
      { bytes: file.size, format: header?.format ?? null },
    );
  });
  const captured = fromBuffer(buffer, maxSeconds, !isOwn);
  return { ...captured, isCut: captured.isCut || isCut };
}

/** A context that decodes to `rate`, and whether there is one. */
function contextAt(rate: number | undefined): [OfflineAudioContext, boolean] {
  if (typeof OfflineAudioContext !== 'function') {
    throw new TabserveError('unsupported', 'This browser cannot decode audio files.');
  }
  if (rate !== undefined) {
    try {
      return [new OfflineAudioContext(1, 1, rate), true];
    } catch {
      // Browsers need only know 8,000 to 96,000 Hz.
    }
  }
  return [new OfflineAudioContext(1, 1, usualRate), false];
}

function fromBuffer(
  buffer: AudioBuffer,
  maxSeconds: number,
  isBrowserResampled: boolean,
): CapturedAudio {
  const { sampleRate, numberOfChannels } = buffer;
  const channels = Array.from({ length: numberOfChannels }, (_, channel) =>
    buffer.getChannelData(channel),
  );
  return { ...fromSamples({ samples: channels, sampleRate }, maxSeconds), isBrowserResampled };
}

function fromSamples({ samples, sampleRate }: AudioSamples, maxSeconds: number): CapturedAudio {
  checkSampleRate(sampleRate);
  const channels = ArrayBuffer.isView(samples) ? [samples] : samples;
  const isValid =
    Array.isArray(channels) &&
    channels.length <= maxChannels &&
    channels.every(
      (each: unknown) => Object.prototype.toString.call(each) === '[object Float32Array]',
    );
  if (!isValid) {
    throw new TabserveError(
      'invalid-argument',
      `"samples" has to be a Float32Array, or a list of 1 to ${maxChannels} of them, one per channel.`,
    );
  }
  const length = channels[0]?.length ?? 0;
  if (length === 0) throw silent('The sound has 0 samples.');
  if (channels.some((each) => each.length !== length)) {
    throw new TabserveError('invalid-argument', 'The channels of the sound differ in length.');
  }
  const taken = Math.min(length, Math.ceil(maxSeconds * sampleRate));
  return {
    channels: channels.map((each) => new Float32Array(each.subarray(0, taken))),
    sampleRate,
    isCut: taken < length,
    isBrowserResampled: false,
  };
}

function blobOf(bytes: ArrayBuffer | ArrayBufferView): Blob {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  // Blobs do not take shared memory.
  const isShared = Object.prototype.toString.call(view.buffer) === '[object SharedArrayBuffer]';
  return new Blob([isShared ? Uint8Array.from(view) : (view as Uint8Array<ArrayBuffer>)]);
}

async function download(address: string, signal: AbortSignal): Promise<Blob> {
  const shown = address.slice(0, 100);
  let url: string;
  try {
    url = new URL(address, document.baseURI).href;
  } catch (error) {
    throw asTabserveError(error, 'invalid-argument', `"${shown}" is not a URL.`);
  }
  let response: Response;
  try {
    response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
  } catch (error) {
    signal.throwIfAborted();
    throw asTabserveError(
      error,
      'network',
      `${shown} could not be downloaded. Is it there, and does its server allow this page to read it (CORS)?`,
      { url: shown },
    );
  }
  throw new TabserveError('network', `${shown} answered HTTP ${response.status}.`, {
    details: { url: shown, status: response.status },
    retryable: response.status >= 500,
  });
}

function silent(message: string): TabserveError {
  return new TabserveError('audio-undecodable', `${message} There is nothing to listen to.`);
}
