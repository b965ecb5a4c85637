/** The loop that a page without `watch()` writes: the next frame, its answer, and again. */
export function followWith(classifyFrame) {
  return async (video, onResult, goOn) => {
    while (goOn()) {
      const { mediaTime } = await new Promise((resolve) => {
        video.requestVideoFrameCallback((_now, metadata) => resolve(metadata));
      });
      await classifyFrame(video);
      onResult(mediaTime);
    }
  };
}
