import { getEventListeners } from 'node:events';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { FrameFollower } from './frame-follower.js';

beforeAll(() => {
  Object.assign(globalThis, { HTMLMediaElement: { HAVE_CURRENT_DATA: 2 } });
});

afterEach(() => {
  vi.useRealTimers();
});

/** As much of a video as is followed. */
class Video extends EventTarget {
  readyState = 2;
  currentTime = 0;
  ended = false;
  paused = false;
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

/** A video of 25 frames a second, of which ten were shown, and the last one taken. */
async function playing() {
  vi.useFakeTimers();
  const video = new Video();
  const { follower } = follow(video);
  const show = () => {
    video.currentTime += 0.04;
    video.dispatchEvent(new Event('seeked'));
  };
  for (let shown = 0; shown < 10; shown += 1) {
    await vi.advanceTimersByTimeAsync(40);
    show();
  }
  await follower.next();
  return { video, follower, show };
}

/** What was given so far. */
function given(next: Promise<unknown>): { value: unknown } {
  const found: { value: unknown } = { value: 'nothing yet' };
  void next.then((value) => {
    found.value = value;
  });
  return found;
}

it('gives a frame at once that has just come', async () => {
  const { follower, show } = await playing();
  await vi.advanceTimersByTimeAsync(40);
  show();
  await vi.advanceTimersByTimeAsync(15);
  const found = given(follower.next());
  await vi.advanceTimersByTimeAsync(0);
  expect(found.value).toMatchObject({ presentedFrames: 11 });
});

it.each([
  ['passes an old one over for the next', 10],
  ['waits for one that is late', 30],
])('%s', async (_name, wait) => {
  const { follower, show } = await playing();
  await vi.advanceTimersByTimeAsync(40);
  show();
  await vi.advanceTimersByTimeAsync(30);
  const found = given(follower.next());
  await vi.advanceTimersByTimeAsync(wait);
  expect(found.value).toBe('nothing yet');
  show();
  await vi.advanceTimersByTimeAsync(0);
  expect(found.value).toMatchObject({ presentedFrames: 12 });
});

it('gives the old one where none comes', async () => {
  const { follower, show } = await playing();
  await vi.advanceTimersByTimeAsync(40);
  show();
  await vi.advanceTimersByTimeAsync(30);
  const found = given(follower.next());
  await vi.advanceTimersByTimeAsync(60);
  expect(found.value).toMatchObject({ presentedFrames: 11 });
});

it('waits for none while the video is paused', async () => {
  const { video, follower, show } = await playing();
  await vi.advanceTimersByTimeAsync(40);
  show();
  video.paused = true;
  await vi.advanceTimersByTimeAsync(30);
  const found = given(follower.next());
  await vi.advanceTimersByTimeAsync(0);
  expect(found.value).toMatchObject({ presentedFrames: 11 });
});
