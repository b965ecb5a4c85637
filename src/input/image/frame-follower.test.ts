import { getEventListeners } from 'node:events';
import { beforeAll, expect, it } from 'vitest';
import { FrameFollower } from './frame-follower.js';

beforeAll(() => {
  Object.assign(globalThis, { HTMLMediaElement: { HAVE_CURRENT_DATA: 2 } });
});

/** As much of a video as is followed. */
class Video extends EventTarget {
  readyState = 2;
  currentTime = 0;
  ended = false;
  error = null;
  srcObject: unknown = null;
  requestVideoFrameCallback = () => 1;
  cancelVideoFrameCallback = () => undefined;
}

function follow(video: Video) {
  const controller = new AbortController();
  const follower = new FrameFollower(video as unknown as HTMLVideoElement, controller.signal);
  return { follower, controller };
}

it('adds no listener to the signal for each pause', async () => {
  const { follower, controller } = follow(new Video());
  const before = getEventListeners(controller.signal, 'abort').length;
  for (let frame = 0; frame < 5; frame += 1) await follower.pause(1);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(before);
});

it('ends a pause when the signal does, also one that begins after it', async () => {
  const { follower, controller } = follow(new Video());
  const pausing = follower.pause(1_000_000);
  controller.abort();
  await pausing;
  await follower.pause(1_000_000);
});

it('ends with the last track of a stream, after the frame that is shown', async () => {
  const video = new Video();
  const track = Object.assign(new EventTarget(), { readyState: 'live' });
  video.srcObject = Object.assign(new EventTarget(), { getVideoTracks: () => [track] });
  const { follower, controller } = follow(video);
  expect(await follower.next()).toEqual({ mediaTime: 0, presentedFrames: 0 });
  const next = follower.next();
  track.readyState = 'ended';
  track.dispatchEvent(new Event('ended'));
  expect(await next).toBeUndefined();
  controller.abort();
});

it('waits for the next frame, and ends with the video or the signal', async () => {
  const video = new Video();
  const { follower, controller } = follow(video);
  await follower.next();
  const next = follower.next();
  video.currentTime = 3;
  video.dispatchEvent(new Event('seeked'));
  expect(await next).toEqual({ mediaTime: 3, presentedFrames: 1 });
  const last = follower.next();
  controller.abort('enough');
  await expect(last).rejects.toBe('enough');
});
