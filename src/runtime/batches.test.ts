import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Feeds } from '../base/gpu-tensor.js';
import type { Tensor, TensorInfo } from '../base/tensor.js';
import { Batches, type BatchModel, type Ran } from './batches.js';
import { SerialQueue } from './queue.js';
import type { PreparedRequest } from './task.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A model that doubles its two numbers, and what it was run with. */
function model({
  free = true,
  cost = (rows: number) => 5 + 0.1 * rows,
  answer = (row: readonly number[], _all: Float32Array) => row.map((value) => 2 * value),
  fails = (_rows: number): boolean => false,
} = {}) {
  const runs: number[] = [];
  const shape = (first: number | string): TensorInfo => ({
    name: 'x',
    type: 'float32',
    shape: [first, 2],
  });
  const session: BatchModel['session'] = {
    inputs: [shape(free ? 'batch' : 1)],
    outputs: [{ ...shape(free ? 'batch' : 1), name: 'y' }],
    async run(feeds) {
      const { dims, data } = feeds.x as Tensor;
      const values = (data as Float32Array).slice();
      const [rows = 0] = dims;
      expect(values).toHaveLength(2 * rows);
      runs.push(rows);
      vi.advanceTimersByTime(cost(rows));
      if (fails(rows)) throw new Error('no room');
      const found = Array.from({ length: rows }, (_, row) =>
        answer([...values.subarray(2 * row, 2 * row + 2)], values),
      );
      return { y: { type: 'float32', dims, data: Float32Array.from(found.flat()) } };
    },
  };
  const sample = (): Feeds => ({
    x: { type: 'float32', dims: [1, 2], data: new Float32Array(2) },
  });
  const opened = { outputs: ['y'], sample };
  const queue = new SerialQueue();
  const engine = { exclusive: <T>(task: () => Promise<T>) => queue.run(task) };
  const batches = new Batches(engine, { session, opened, dtype: 'fp32', isGpu: true });
  return { batches, runs, idle: () => queue.run(async () => undefined) };
}

/** All requests of a model share the memory of their input. */
const memory = new Float32Array(2);

function request(first: number, signal = new AbortController().signal) {
  const prepared: PreparedRequest = {
    feeds() {
      memory.set([first, first + 1]);
      return { x: { type: 'float32', dims: [1, 2], data: memory } };
    },
    interpret: () => null,
  };
  return { prepared, signal, laps: { lap: () => undefined } };
}

const answers = (all: readonly Ran[]) =>
  all.map(({ outputs }) => Array.from((outputs.y as Tensor).data as Float32Array));

/** Has requests come until larger runs were tried. */
async function tried({ batches, idle }: ReturnType<typeof model>) {
  await batches.run(request(0));
  batches.considerTrial();
  for (let turn = 0; turn < 60; turn++) await idle();
}

it('runs each request alone before anything was tried', async () => {
  const { batches, runs } = model();
  const all = await Promise.all([3, 4, 5].map((first) => batches.run(request(first))));
  expect(answers(all)).toEqual([
    [6, 8],
    [8, 10],
    [10, 12],
  ]);
  expect(runs).toEqual([1, 1, 1]);
});

it('takes what waits together, filled up, and gives each its own answer', async () => {
  const subject = model();
  await tried(subject);
  expect(subject.batches.size).toBe(16);
  subject.runs.length = 0;
  const asked = Array.from({ length: 19 }, (_, index) => index);
  const all = await Promise.all(asked.map((first) => subject.batches.run(request(first))));
  expect(answers(all)).toEqual(asked.map((first) => [2 * first, 2 * first + 2]));
  expect(subject.runs).toEqual([16, 4]);
  expect(all.map(({ shared }) => shared)).toEqual([...Array(16).fill(16), 3, 3, 3]);
});

it('lets nobody wait for others', async () => {
  const subject = model();
  await tried(subject);
  subject.runs.length = 0;
  const { shared } = await subject.batches.run(request(1));
  expect([shared, subject.runs]).toEqual([1, [1]]);
});

it('stops at the size from which it is no faster', async () => {
  const subject = model({ cost: (rows) => (rows <= 4 ? 5 : 2 * rows) });
  await tried(subject);
  expect(subject.batches.size).toBe(4);
});

it('goes on one by one where nothing is gained, without a word', async () => {
  const subject = model({ cost: (rows) => 5 * rows });
  await tried(subject);
  expect([subject.batches.size, subject.batches.reason]).toEqual([1, null]);
});

it('tries nothing with graphs that take one', async () => {
  const subject = model({ free: false });
  await tried(subject);
  expect(subject.runs).toEqual([1]);
});

it('refuses a model whose answers depend on who else asks', async () => {
  const subject = model({
    answer: (row, all) => row.map((value) => value + all.reduce((sum, each) => sum + each, 0)),
  });
  await tried(subject);
  expect(subject.batches.size).toBe(1);
  expect(subject.batches.reason?.reason).toMatch(/^2 at once .* output "y": number 0 is /);
});

it('answers one by one when a common run fails, and stays with that', async () => {
  let isFull = false;
  const subject = model({ fails: (rows) => isFull && rows > 1 });
  await tried(subject);
  isFull = true;
  const all = await Promise.all([3, 4].map((first) => subject.batches.run(request(first))));
  expect(answers(all)).toEqual([
    [6, 8],
    [8, 10],
  ]);
  expect(subject.batches.size).toBe(1);
  expect(subject.batches.reason?.reason).toBe('no room');
});

it('leaves out who has given up', async () => {
  const subject = model();
  await tried(subject);
  const controller = new AbortController();
  const given = [
    subject.batches.run(request(1)),
    subject.batches.run(request(2, controller.signal)),
    subject.batches.run(request(3)),
  ];
  controller.abort(new Error('enough'));
  const [one, two, three] = await Promise.allSettled(given);
  expect(two).toMatchObject({ status: 'rejected', reason: { message: 'enough' } });
  expect(answers([one, three].map((each) => (each as { value: Ran }).value))).toEqual([
    [2, 4],
    [6, 8],
  ]);
});

it('runs inputs of another shape by themselves', async () => {
  const subject = model();
  await tried(subject);
  subject.runs.length = 0;
  const other = request(7);
  const odd: PreparedRequest = {
    ...other.prepared,
    feeds: () => ({
      x: { type: 'float32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    }),
  };
  const all = await Promise.all([
    subject.batches.run(request(1)),
    subject.batches.run({ ...other, prepared: odd }),
    subject.batches.run(request(2)),
  ]);
  expect(answers(all)).toEqual([
    [2, 4],
    [2, 4, 6, 8],
    [4, 6],
  ]);
  expect(subject.runs).toEqual([2, 2]);
});
