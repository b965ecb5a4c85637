/** Explanations on the engine itself, against those of Python libraries on the same models. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import type { Tensor, Tensors } from '../../base/tensor.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import { withOutputs } from '../../model/onnx/outputs.js';
import type { OpenedTask, TaskServices, WorkerTask } from '../../runtime/task.js';
import { occlusionCover, occlusionPlaces, riseMask } from './masks.js';
import type { Begun, ExplanationOptions, ExplanationPayload, Tried, Variants } from './types.js';
import { explanation } from './worker.js';

const root = join(import.meta.dirname, '../../..');
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, 'golden/explanations.json'), 'utf8'),
) as {
  model: string;
  file: string;
  channels: number;
  side: number;
  target: number;
  score: number;
  masks: { numbers: number[]; blocks: number[][] };
  rise: {
    count: number;
    grid: number;
    probability: number;
    seed: number;
    scores: number[];
    blocks: number[];
  };
  occlusion: { window: number; stride: number; blocks: number[] };
  cam: { width: number; height: number; data: number[]; bias: number; logit: number };
}[];

const noServices: TaskServices = {
  gpu: null,
  rasteriseSvg: () => Promise.reject(new Error('There is no SVG.')),
};

/** A classifier whose source is what its network takes. */
function plainTask(input: Tensors, outputs: readonly string[]) {
  const opened: OpenedTask<Tensors, object, null> = {
    outputs,
    sample: () => input,
    prepare: async (feeds) => ({ feeds: () => feeds, interpret: () => null }),
  };
  const check = () => undefined;
  const task: WorkerTask<CoreManifest, Tensors, object, null, object> = {
    name: 'image-classification',
    checks: { payload: check, options: check, settings: check },
    open: () => opened,
  };
  return { task, opened } as { task: WorkerTask; opened: OpenedTask };
}

/** Asks a model as the worker does. */
async function asker(name: string, file: string, input: Tensors) {
  ort.env.wasm.numThreads = 1;
  const folder = join(root, 'models', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as CoreManifest;
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  const { known, values } = explanation.study?.(bytes) ?? { known: undefined, values: [] };
  const session = await ort.InferenceSession.create(withOutputs(bytes, values), {
    executionProviders: ['wasm'],
  });
  const opened = await explanation.open(
    {
      manifest,
      labels: [],
      inputs: [
        { name: 'input', type: 'float32', shape: ['N', ...(input.input?.dims.slice(1) ?? [])] },
      ],
      outputs: [{ name: 'logits', type: 'float32', shape: ['N', 10] }],
      assets: {},
      where: name,
      own: plainTask(input, ['logits']),
      known,
    },
    {},
    noServices,
  );
  const ask = async <Answer>(payload: ExplanationPayload, options: ExplanationOptions) => {
    const signal = new AbortController().signal;
    const prepared = await opened.prepare(payload, options, { signal, lap: () => undefined });
    const feeds = Object.entries((await prepared.feeds()) as Tensors);
    const outputs = await session.run(
      Object.fromEntries(
        feeds.map(([key, { data, dims }]) => [
          key,
          new ort.Tensor('float32', data as Float32Array, dims),
        ]),
      ),
      [...(prepared.outputs ?? [])],
    );
    return (await prepared.interpret(outputs as unknown as Tensors)) as Answer;
  };
  return { ask, release: () => session.release() };
}

/** Means of blocks, as the recipe makes them. */
function blocks(data: Float32Array, side: number, count: number): number[] {
  const size = side / count;
  const means = new Array<number>(count * count).fill(0);
  for (const [at, value] of data.entries()) {
    const block = Math.floor(Math.floor(at / side) / size) * count + Math.floor((at % side) / size);
    means[block] = (means[block] as number) + value / size ** 2;
  }
  return means;
}

function farthest(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  return Array.from(one, (value, at) => Math.abs(value - (other[at] as number))).reduce((a, b) =>
    Math.max(a, b),
  );
}

describe.each(cases)('$model', ({ model, file, channels, side, target, score, ...golden }) => {
  const data = Float32Array.from(
    { length: channels * side * side },
    (_, at) => Math.sin(at / 97) + Math.sin(at / 1409),
  );
  const picture: Tensor = { type: 'float32', dims: [1, channels, side, side], data };
  const feeds = { input: picture };
  const count = Math.sqrt(golden.rise.blocks.length);
  const area = { width: side, height: side };

  it("has RISE's masks", () => {
    for (const [at, number] of golden.masks.numbers.entries()) {
      const mask = riseMask(area, golden.rise, number);
      expect(farthest(blocks(mask, side, count), golden.masks.blocks[at] ?? [])).toBeLessThan(1e-5);
    }
  });

  it('is explained as by Python: the class activation map, RISE, occlusion', async () => {
    const { ask, release } = await asker(model, file, feeds);
    const options = { kind: 'begin', own: {}, target: null, activation: true } as const;
    const begun = await ask<Begun>({ kind: 'begin', payload: feeds }, options);
    expect(begun.target).toBe(target);
    expect(begun.scores[target]).toBeCloseTo(score, 4);
    const { cam } = golden;
    expect(begun.activation).toMatchObject({ width: cam.width, height: cam.height });
    const map = begun.activation?.data ?? new Float32Array(0);
    expect(farthest(map, cam.data)).toBeLessThan(1e-3);
    // It is exact: its mean is the logit.
    const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
    expect(mean + cam.bias).toBeCloseTo(cam.logit, 3);

    const all = async (variants: Variants, total: number) => {
      const sum = new Float32Array(side * side);
      const scores: number[] = [];
      for (let from = 0; from < total; from += 5) {
        const part = await ask<Tried>(
          { kind: 'variants', feeds: begun.feeds },
          {
            kind: 'variants',
            target,
            score: begun.scores[target] as number,
            variants,
            from,
            count: Math.min(5, total - from),
            baseline: 'zero',
          },
        );
        for (const [at, value] of part.sum.entries()) sum[at] = (sum[at] as number) + value;
        scores.push(...part.scores);
      }
      return { sum, scores };
    };
    const { rise, occlusion } = golden;
    const risen = await all({ kind: 'rise', ...rise }, rise.count);
    expect(farthest(risen.scores, rise.scores)).toBeLessThan(1e-3);
    const shown = risen.sum.map((value) => value / rise.count / rise.probability);
    expect(farthest(blocks(shown, side, count), rise.blocks)).toBeLessThan(1e-3);

    const { window, stride } = occlusion;
    const places = occlusionPlaces(area, window, stride);
    const occluded = await all({ kind: 'occlusion', window, stride }, places.length);
    const cover = occlusionCover(area, window, stride);
    const cost = occluded.sum.map((value, at) => value / (cover[at] as number));
    expect(farthest(blocks(cost, side, count), occlusion.blocks)).toBeLessThan(1e-3);
    await release();
  }, 120_000);
});

it('says why a graph has no class activation map', async () => {
  const bytes = new Uint8Array(readFileSync(join(root, 'models/everyday/everyday.fp16.onnx')));
  const { known, values } = explanation.study?.(bytes) ?? { known: undefined, values: ['?'] };
  expect(values).toEqual([]);
  const { heads } = known as { heads: Map<string, unknown> };
  expect(heads.get('logits')).toMatch(/Mul stands between the mean over all places and the scores/);
});

it('takes what is no model for nothing', () => {
  const broken = Uint8Array.from([60, 104, 116, 109, 108, 62]);
  expect(explanation.study?.(broken)).toMatchObject({ values: [] });
});
