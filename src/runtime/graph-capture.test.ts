import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Feeds, GpuTensor } from '../base/gpu-tensor.js';
import type { Tensor, Tensors } from '../base/tensor.js';
import { CaptureTrial, isCopyable, type RecordedRun } from './graph-capture.js';
import { SerialQueue } from './queue.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const doubled = (feeds: Feeds): Tensors => {
  const { dims, data } = feeds.x as Tensor;
  return { y: { type: 'float32', dims, data: (data as Float32Array).map((value) => 2 * value) } };
};

/** A model that doubles its numbers, and a recording of it that may not. */
function model({ cost = 1, answer = doubled, refusal = '', failure = '' } = {}) {
  const done: string[] = [];
  const recorded: RecordedRun = {
    fits: () => true,
    async run(feeds) {
      vi.advanceTimersByTime(cost);
      if (failure) throw new Error(failure);
      return answer(feeds);
    },
    async release() {
      done.push('released');
    },
  };
  const adopted: (RecordedRun | null)[] = [];
  const session = {
    async run(feeds: Feeds) {
      vi.advanceTimersByTime(2);
      done.push('run');
      return doubled(feeds);
    },
    async record() {
      done.push('recorded');
      if (refusal) throw new Error(refusal);
      return recorded;
    },
    adopt: (made: RecordedRun | null) => void adopted.push(made),
  };
  const sample = (): Feeds => ({
    x: { type: 'float32', dims: [1, 4], data: new Float32Array(4) },
  });
  const queue = new SerialQueue();
  const engine = {
    exclusive: <T>(task: () => Promise<T>) => queue.run(task),
    later: (task: () => Promise<void>) => void queue.run(task),
  };
  const opened = { outputs: ['y'], sample };
  const trial = new CaptureTrial(engine, { session, opened, dtype: 'fp32' });
  const settle = () => vi.waitFor(() => expect(adopted).toHaveLength(1));
  return { trial, adopted, recorded, done, settle };
}

it('runs recorded where that is as right and faster, some time after the first answer', async () => {
  const { trial, adopted, recorded, done, settle } = model();
  trial.answered();
  await vi.advanceTimersByTimeAsync(1_900);
  expect(done).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  await settle();
  expect(adopted).toEqual([recorded]);
  expect(trial.reason).toBeNull();
  expect(done.filter((each) => each !== 'run')).toEqual(['recorded']);
});

it('is tried once', async () => {
  const { trial, done, settle } = model();
  for (let answer = 0; answer < 5; answer++) trial.answered();
  await vi.advanceTimersByTimeAsync(5_000);
  await settle();
  trial.answered();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(done.filter((each) => each === 'recorded')).toHaveLength(1);
});

const useless: [string, Parameters<typeof model>[0]][] = [
  ['is hardly faster', { cost: 1.9 }],
  ['is slower', { cost: 3 }],
  ['fails', { failure: 'the device is lost' }],
];

it.each(useless)('is not recorded where that %s', async (_, options) => {
  const { trial, adopted, done, settle } = model(options);
  trial.answered();
  await vi.advanceTimersByTimeAsync(2_100);
  await settle();
  expect(adopted).toEqual([null]);
  await vi.waitFor(() => expect(done.at(-1)).toBe('released'));
  expect(trial.reason).toBeNull();
});

it('is not recorded where the engine refuses, which is nothing to tell', async () => {
  const { trial, adopted, done, settle } = model({ refusal: 'nodes are on the CPU' });
  trial.answered();
  await vi.advanceTimersByTimeAsync(2_100);
  await settle();
  expect(adopted).toEqual([null]);
  expect(done).toEqual(['recorded']);
  expect(trial.reason).toBeNull();
});

let last: Tensors | undefined;
const wrong: [string, (feeds: Feeds) => Tensors][] = [
  [
    'another number',
    (feeds) => {
      const { y } = doubled(feeds) as { y: Tensor };
      return { y: { ...y, data: (y.data as Float32Array).map((value, at) => value + at / 10) } };
    },
  ],
  [
    'the numbers of the last run',
    (feeds) => {
      const now = doubled(feeds);
      const given = last ?? now;
      last = now;
      return given;
    },
  ],
];

it.each(wrong)('is not recorded where that gives %s, and says so', async (_, answer) => {
  last = undefined;
  const { trial, adopted, done, settle } = model({ answer });
  trial.answered();
  await vi.advanceTimersByTimeAsync(2_100);
  await settle();
  expect(adopted).toEqual([null]);
  await vi.waitFor(() => expect(done.at(-1)).toBe('released'));
  expect(trial.reason).toMatchObject({
    from: 'recorded GPU commands',
    to: 'ordinary runs',
    reason: expect.stringMatching(/give other answers than ordinary ones: .*"y"/),
  });
});

const buffers: [string, { usage: number; size: number }, number, boolean][] = [
  ['one of the size', { usage: 4, size: 16 }, 16, true],
  ['a larger one', { usage: 4 | 128, size: 32 }, 16, true],
  ['one that ends within the last word', { usage: 4, size: 6 }, 6, false],
  ['one filled up to a word', { usage: 4, size: 8 }, 6, true],
  ['a smaller one', { usage: 4, size: 12 }, 16, false],
  ['one that nothing may be copied from', { usage: 128, size: 16 }, 16, false],
];

it.each(buffers)('takes a buffer of the GPU that can be copied: %s', (_, buffer, bytes, can) => {
  vi.stubGlobal('GPUBufferUsage', { COPY_SRC: 4 });
  try {
    const given = { type: 'float32', dims: [1], gpuBuffer: buffer } as unknown as GpuTensor;
    expect(isCopyable(given, bytes)).toBe(can);
  } finally {
    vi.unstubAllGlobals();
  }
});

it('takes numbers, and no strings', () => {
  expect(isCopyable({ type: 'float32', dims: [1], data: new Float32Array(1) }, 4)).toBe(true);
  expect(isCopyable({ type: 'string', dims: [1], data: ['a'] }, 4)).toBe(false);
});
