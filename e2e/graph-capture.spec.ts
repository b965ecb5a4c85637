/** Recorded runs on the GPU, on a clock on which they are worth it. */
import { readFileSync } from 'node:fs';
import type { Page, Worker } from '@playwright/test';
import { expect, test } from './fixtures.js';
import type { TestServer } from './server.js';

declare global {
  /** Groups of buffers that were bound, in a worker: a recorded run makes none. */
  var boundGroups: number;
}

/** Makes the preparing of nodes seem to take long in workers, which a recorded run spares. */
function slowNodes(page: Page, server: TestServer): Worker[] {
  const workers: Worker[] = [];
  page.on('worker', (worker) => workers.push(worker));
  const first = () => {
    globalThis.boundGroups = 0;
    // On a software adapter nothing is recorded.
    Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false });
    const { createBindGroup } = GPUDevice.prototype;
    GPUDevice.prototype.createBindGroup = function (...given) {
      globalThis.boundGroups += 1;
      return createBindGroup.apply(this, given);
    };
    const now = performance.now.bind(performance);
    performance.now = () => now() + globalThis.boundGroups * 1_000;
  };
  // Within its script: what is sent to a worker later may come too late.
  const script = readFileSync(new URL('../dist/worker-jspi.js', import.meta.url), 'utf8');
  server.route('/slow/worker-jspi.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`(${first})();${script}`);
  });
  return workers;
}

/** Puts a classifier and two pictures onto the page, and asks until runs are recorded ones. */
async function untilRecorded(page: Page, workers: readonly Worker[]) {
  await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: 'digits',
      device: 'webgpu',
      preprocessing: 'cpu',
      maxWorkers: 1,
      workerUrl: '/slow/',
    });
    const drawn = (digit: string) => {
      const context = new OffscreenCanvas(28, 28).getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillRect(0, 0, 28, 28);
      context.fillStyle = 'white';
      context.font = '24px sans-serif';
      context.fillText(digit, 7, 23);
      return context.getImageData(0, 0, 28, 28);
    };
    const pictures = [drawn('4'), drawn('7'), drawn('1')];
    const ask = async () => {
      const answers = [];
      for (const picture of pictures) answers.push(await classifier.classify(picture));
      return answers;
    };
    Object.assign(window, { classifier, ask });
  });
  const ordinary = await asked(page);
  const [worker] = workers;
  if (!worker) throw new Error('no worker');
  await expect
    .poll(
      async () => {
        const before = await worker.evaluate(() => globalThis.boundGroups);
        await asked(page);
        return (await worker.evaluate(() => globalThis.boundGroups)) - before;
      },
      { timeout: 60_000, intervals: [1_000] },
    )
    .toBe(0);
  return { ordinary, worker };
}

type Asking = typeof globalThis & {
  ask(): Promise<{ label: string; score: number }[][]>;
  classifier: Awaited<ReturnType<typeof window.tabserve.ImageClassifier.create>>;
};

const asked = (page: Page) => page.evaluate(() => (globalThis as Asking).ask());

// A trial is some thirty runs of a software adapter.
test.describe.configure({ timeout: 180_000 });

test('runs are recorded where that is faster, and answered as before', async ({
  open,
  page,
  server,
}) => {
  const workers = slowNodes(page, server);
  await open();
  const { ordinary } = await untilRecorded(page, workers);
  const recorded = await asked(page);
  expect(recorded.map((answer) => answer.map(({ label }) => label))).toEqual(
    ordinary.map((answer) => answer.map(({ label }) => label)),
  );
  for (const [at, answer] of recorded.entries()) {
    for (const [rank, { score }] of answer.entries()) {
      expect(score).toBeCloseTo(ordinary[at]?.[rank]?.score ?? Number.NaN, 5);
    }
  }
  // The three differ: none is answered with what another left.
  expect(new Set(recorded.map(([best]) => JSON.stringify(best))).size).toBe(3);
  const fallbacks = await page.evaluate(() => (globalThis as Asking).classifier.info.fallbacks);
  expect(fallbacks).toEqual([]);
});

test('a recorded run that fails is run again, and says so', async ({ open, page, server }) => {
  const workers = slowNodes(page, server);
  await open();
  const { ordinary, worker } = await untilRecorded(page, workers);
  await worker.evaluate(() => {
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = () => {
      GPUBuffer.prototype.mapAsync = mapAsync;
      return Promise.reject(new DOMException('not now', 'OperationError'));
    };
  });
  expect(await asked(page)).toEqual(ordinary);
  const { fallbacks, errors } = await page.evaluate(() => {
    const { classifier } = globalThis as Asking;
    return { fallbacks: classifier.info.fallbacks, errors: classifier.metrics().errors };
  });
  expect(errors).toBe(0);
  expect(fallbacks).toEqual([
    {
      from: 'recorded GPU commands',
      to: 'ordinary runs',
      reason: 'a recorded run failed: not now',
    },
  ]);
});
