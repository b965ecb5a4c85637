/** Which class does this sound belong to? The page's half. */
import { part } from '../../base/part.js';
import type { AudioSource } from '../../input/audio/capture.js';
import type { CapturedAudio } from '../../input/audio/types.js';
import type { PageTask } from '../task.js';

/** @param maxSeconds - More of a sound is not captured. */
export function audioClassificationPage(maxSeconds: number): PageTask<AudioSource, CapturedAudio> {
  return {
    name: 'audio-classification',
    pack: 'audio',
    isLasting: (source) =>
      typeof source === 'string' || source instanceof URL || source instanceof Blob,
    async capture(source, signal) {
      // Pages that classify no sound do not load the code.
      const { captureAudio } = await part(import('../../input/audio/page.js'));
      return captureAudio(source, maxSeconds, signal);
    },
    transfer: ({ channels }) => channels.map(({ buffer }) => buffer),
    bytes: ({ channels }) => channels.reduce((sum, { byteLength }) => sum + byteLength, 0),
    copy: (audio) => ({ ...audio, channels: audio.channels.map((channel) => channel.slice()) }),
    close: () => undefined,
  };
}
