import { expect, it } from 'vitest';
import { DownloadMonitor } from './progress.js';
import type { DownloadProgressEvent } from './types.js';

/** A monitor, and what its events said. */
function watched() {
  const events: Pick<
    DownloadProgressEvent,
    'loaded' | 'total' | 'cached' | 'lengthComputable' | 'progress'
  >[] = [];
  const monitor = new DownloadMonitor((target) =>
    target.addEventListener('downloadprogress', (event) => {
      const { loaded, total, cached, lengthComputable, progress } = event;
      events.push({ loaded, total, cached, lengthComputable, progress });
    }),
  );
  return { monitor, events };
}

it('goes from 0 to 1 where all sizes are known', () => {
  const { monitor, events } = watched();
  monitor.report(0, 200, 0);
  monitor.report(50, 200, 50);
  monitor.report(50, 200, 50);
  monitor.report(200, 200, 50);
  monitor.finish();
  expect(events).toEqual([
    { loaded: 0, total: 200, cached: 0, lengthComputable: true, progress: 0 },
    { loaded: 50, total: 200, cached: 50, lengthComputable: true, progress: 0.25 },
    { loaded: 200, total: 200, cached: 50, lengthComputable: true, progress: 1 },
  ]);
});

it('says that the end is not known, and is at 1 only at the end', () => {
  const { monitor, events } = watched();
  monitor.report(10, Number.POSITIVE_INFINITY, 0);
  monitor.report(60, Number.POSITIVE_INFINITY, 0);
  monitor.report(90, 120, 0);
  monitor.finish();
  expect(events).toEqual([
    { loaded: 10, total: 10, cached: 0, lengthComputable: false, progress: 0 },
    { loaded: 60, total: 60, cached: 0, lengthComputable: false, progress: 0 },
    { loaded: 90, total: 120, cached: 0, lengthComputable: true, progress: 0.75 },
    { loaded: 120, total: 120, cached: 0, lengthComputable: true, progress: 1 },
  ]);
});

it('never falls when another file is found, and a load without a download is done at once', () => {
  const { monitor, events } = watched();
  monitor.report(80, 100, 0);
  monitor.report(80, 400, 0);
  monitor.report(400, 400, 0);
  expect(events.map(({ progress }) => progress)).toEqual([0.8, 0.8, 1]);
  expect(events.at(-1)).toMatchObject({ loaded: 400, total: 400 });

  const stored = watched();
  stored.monitor.finish();
  expect(stored.events).toEqual([
    { loaded: 0, total: 0, cached: 0, lengthComputable: true, progress: 1 },
  ]);
});
