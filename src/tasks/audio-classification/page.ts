/** Which class does this sound belong to? The page's half. */
import { type AudioSource, captureAudio, isLastingAudio } from '../../input/audio/capture.js';
import type { CapturedAudio } from '../../input/audio/types.js';
import type { PageTask } from '../task.js';

/** @param maxSeconds - More of a sound is not captured. */
export function audioClassificationPage(maxSeconds: number): PageTask<AudioSource, CapturedAudio> {
  return {
    name: 'audio-classification',
    pack: 'audio',
    isLasting: isLastingAudio,
    capture: (source, signal) => captureAudio(source, maxSeconds, signal),
    transfer: ({ channels }) => channels.map(({ buffer }) => buffer),
    bytes: ({ channels }) => channels.reduce((sum, { byteLength }) => sum + byteLength, 0),
    copy: (audio) => ({ ...audio, channels: audio.channels.map((channel) => channel.slice()) }),
    close: () => undefined,
  };
}
