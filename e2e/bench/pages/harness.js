// What every case's page does: load the case, give it photos, keep the time.
const query = new URLSearchParams(location.search);
const options = JSON.parse(query.get('options') ?? '{}');

const longTasks = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) longTasks.push({ startTime, duration });
}).observe({ type: 'longtask', buffered: true });

const photos = Promise.all(
  Array.from({ length: Number(query.get('photos')) }, async (_, index) => {
    const response = await fetch(`/material/photo-${index}.jpg`);
    return response.blob();
  }),
);

/** Sum and longest of the main thread's long tasks since `from` (ms since navigation). */
function blocking(from) {
  const tasks = longTasks.filter(({ startTime }) => startTime >= from);
  return {
    total: tasks.reduce((sum, { duration }) => sum + duration - 50, 0),
    longest: Math.max(0, ...tasks.map(({ duration }) => duration)),
  };
}

/** Long tasks are reported a little after they end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 100));

async function load() {
  const { start } = await import(`/pages/cases/${query.get('case')}.js`);
  const subject = await start(options);
  const ready = performance.now();
  const [first] = await photos;
  const answer = await subject.classify(first);
  const firstAnswer = performance.now();
  await settle();
  return { subject, report: { ready, firstAnswer, answer, blocking: blocking(0) } };
}

const loading = load();

window.bench = {
  loaded: () => loading.then(({ report }) => report),

  /** Milliseconds of each of `count` classifications, one after the other. */
  async latency(count) {
    const { subject } = await loading;
    const blobs = await photos;
    const began = performance.now();
    const times = [];
    for (let index = 0; index < count; index++) {
      const blob = blobs[index % blobs.length];
      const asked = performance.now();
      const answer = await subject.classify(blob);
      times.push(answer?.time ?? performance.now() - asked);
    }
    await settle();
    return { times, blocking: blocking(began), detail: subject.detail?.() ?? null };
  },

  /** Milliseconds for `count` images at once. */
  async throughput(count) {
    const { subject } = await loading;
    const blobs = await photos;
    const images = Array.from({ length: count }, (_, index) => blobs[index % blobs.length]);
    const began = performance.now();
    if (subject.classifyAll) await subject.classifyAll(images);
    else for (const image of images) await subject.classify(image);
    return performance.now() - began;
  },

  /** Follows a video for `duration` milliseconds; `null` where the case has no way to. */
  async watch(duration) {
    const { subject } = await loading;
    if (!subject.watch) return null;
    const video = document.createElement('video');
    video.muted = true;
    video.loop = true;
    video.src = '/material/video.webm';
    document.body.append(video);
    await video.play();

    const shown = new Map();
    let watching = true;
    const noteFrame = (now, { mediaTime }) => {
      shown.set(mediaTime, now);
      if (watching) video.requestVideoFrameCallback(noteFrame);
    };
    video.requestVideoFrameCallback(noteFrame);
    const pageFrames = [];
    const notePage = (now) => {
      pageFrames.push(now);
      if (watching) requestAnimationFrame(notePage);
    };
    requestAnimationFrame(notePage);

    const results = [];
    const began = performance.now();
    await subject.watch(
      video,
      // At once, because a video that loops shows the same times again.
      (mediaTime) => results.push(performance.now() - (shown.get(mediaTime) ?? Number.NaN)),
      () => performance.now() - began < duration,
    );
    watching = false;
    video.remove();
    return {
      seconds: (performance.now() - began) / 1000,
      latencies: results.filter((age) => !Number.isNaN(age)),
      results: results.length,
      pageFrames: pageFrames.slice(1).map((now, index) => now - pageFrames[index]),
      blocking: blocking(began),
    };
  },
};
