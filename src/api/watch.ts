/** Answers about a video, frame after frame. */
import { FrameFollower } from '../input/image/frame-follower.js';
import type { Classification, WatchResult } from './types.js';

/**
 * @param classify - Asks about what the video shows now.
 * @param ends - Each of them ends it, with its reason.
 * @param maxFps - Answers per second at most. @default as fast as they come
 */
export async function* watchVideo(
  video: HTMLVideoElement,
  classify: () => Promise<Classification[]>,
  ends: readonly AbortSignal[],
  maxFps: number | undefined,
): AsyncGenerator<WatchResult, void> {
  const stop = new AbortController();
  const follower = new FrameFollower(video, AbortSignal.any([stop.signal, ...ends]));
  let previous = -1;
  try {
    for (;;) {
      const began = performance.now();
      const frame = await follower.next();
      if (!frame) return;
      const classifications = await classify();
      yield {
        classifications,
        mediaTime: frame.mediaTime,
        skippedFrames: previous < 0 ? 0 : frame.presentedFrames - previous - 1,
      };
      previous = frame.presentedFrames;
      if (maxFps) await follower.pause(began + 1000 / maxFps - performance.now());
    }
  } finally {
    stop.abort();
  }
}
