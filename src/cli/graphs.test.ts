/** Random graphs, described by themselves: the scores are native onnxruntime's, or there are none. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import { beforeAll, expect, test } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import { numbersOf } from '../base/tensor.js';
import { createTensorWriter } from '../input/image/tensor.js';
import { bareModel } from '../model/bare.js';
import type { ModelManifest } from '../model/manifest.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import type { Backend } from '../runtime/backend.js';
import { ModelSession } from '../runtime/session.js';
import { checkGraph } from '../tasks/image-classification/graph.js';
import { imageFeed } from '../tasks/image-feed.js';
import { activate, dequantised } from '../tasks/scores.js';
import { complete } from '../tasks/translate.js';

interface Case {
  what: string;
  /** The file, in base64. */
  model: string;
  labels: string[] | null;
  /** What the numbers of the input are: ImageNet's mean and deviation, 0…255, 0…1, or bytes. */
  range: 'imagenet' | '255' | '1' | 'as it is';
  refused: string | null;
  tolerance: number;
  scores: number[] | null;
}

// More of them than are kept: TABSERVE_GRAPHS=file, made by the recipe.
const file =
  process.env.TABSERVE_GRAPHS ?? join(import.meta.dirname, '../model/golden/graphs.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[];

let backend: Backend;

beforeAll(() => {
  // The build puts it in.
  Object.assign(globalThis, { __ENGINE_HAS_GPU__: false });
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync(join(folder, 'ort-wasm-simd-threaded.wasm'));
  backend = {
    ort,
    abilities: { device: 'wasm', fp16: true },
    executionProviders: ['wasm'],
    adapter: null,
    gpu: null,
    fallbacks: [],
  } as Backend;
});

async function describedScores({ model }: Case) {
  const bytes = new Uint8Array(Buffer.from(model, 'base64'));
  const session = await ModelSession.create(backend, { bytes, external: [] }, 'random.onnx');
  try {
    const { inputs, outputs } = session;
    const graph = skeletonOf(bytes)?.write() ?? null;
    const { manifest: open } = bareModel('random.onnx');
    const where = 'random.onnx';
    const request = { manifest: open, open: 'everything', inputs, outputs, graph, where } as const;
    const manifest = complete(request).manifest as ModelManifest;
    checkGraph({ manifest, outputs, where });
    const feed = imageFeed(inputs, manifest.input, {}, where);
    const data = createTensorWriter(manifest.input, {}).allocate(1);
    const isWhole = !manifest.input.dtype.startsWith('float');
    for (let i = 0; i < data.length; i++) {
      const value = isWhole ? (i * 7) % 256 : ((i * 7) % 11) / 5 - 1;
      data[i] = data instanceof Uint16Array ? halves(value) : value;
    }
    const picture = { type: manifest.input.dtype, dims: [], data };
    const { name, activation } = manifest.output;
    const results = feed.first(
      await session.run(
        feed.feeds(picture, () => manifest.input),
        [name],
      ),
    );
    const result = results[name];
    if (!result) throw new Error(`There is no ${name}.`);
    const scores = activate(dequantised(numbersOf(result), manifest.output), activation);
    return { manifest, scores: Array.from(scores) };
  } finally {
    await session.release();
  }
}

/** The eleven numbers of the input as float16, by numpy. */
function halves(value: number): number {
  return float16[Math.round((value + 1) * 5)] as number;
}
const float16 = [
  0xbc00, 0xba66, 0xb8cd, 0xb666, 0xb266, 0x0000, 0x3266, 0x3666, 0x38cd, 0x3a66, 0x3c00,
];

function rangeOf({ preprocess: { mean, scale }, input }: ModelManifest): Case['range'] {
  if (!input.dtype.startsWith('float')) return 'as it is';
  if (mean !== undefined) return 'imagenet';
  return scale === 1 ? '255' : '1';
}

test(`${cases.length} random graphs`, { timeout: 1_800_000 }, async () => {
  const wrong: string[] = [];
  for (const [index, each] of cases.entries()) {
    const got = await describedScores(each).catch((error: unknown) => error as Error);
    const say = (what: string) => wrong.push(`${index}: ${each.what}: ${what}`);
    if (got instanceof Error) {
      const isMeant = each.refused !== null && isTabserveError(got, 'model-invalid');
      if (!isMeant) say(`refused: ${got.message}`);
      continue;
    }
    const { manifest, scores } = got;
    if (each.scores === null) {
      say(`should be refused (${each.refused})`);
      continue;
    }
    const fits =
      scores.length === each.scores.length &&
      scores.every((score, at) => Math.abs(score - (each.scores?.[at] ?? NaN)) <= each.tolerance);
    if (!fits) say(`${scores} for ${each.scores}`);
    if (rangeOf(manifest) !== each.range) say(`${rangeOf(manifest)} for ${each.range}`);
    const labels = each.labels ?? each.scores.map((_, at) => `${at}`);
    if (`${manifest.labels}` !== `${labels}`) say(`labels ${manifest.labels} for ${labels}`);
  }
  expect(wrong).toEqual([]);
});
