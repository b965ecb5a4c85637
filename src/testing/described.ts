/** What the page would answer for an `.onnx` file alone, in Node: described by itself, and run. */
import { numbersOf, type TensorInfo } from '../base/tensor.js';
import { createTensorWriter } from '../input/image/tensor.js';
import { bareModel } from '../model/bare.js';
import type { ModelManifest } from '../model/manifest.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import type { Completion } from '../model/translation.js';
import type { Backend } from '../runtime/backend.js';
import { ModelSession } from '../runtime/session.js';
import { checkGraph } from '../tasks/image-classification/graph.js';
import { imageFeed } from '../tasks/image-feed.js';
import { activate, dequantised } from '../tasks/scores.js';
import { complete } from '../tasks/translate.js';
import { wasmBackend } from './engine.js';

let started: Backend | undefined;

/** Describes a graph by itself. */
export function describeGraph(
  graph: Uint8Array | null,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  where: string,
): Completion & { manifest: ModelManifest } {
  const { manifest } = bareModel(where);
  const request = { manifest, open: 'everything', inputs, outputs, graph, where } as const;
  return complete(request) as Completion & { manifest: ModelManifest };
}

/**
 * Describes a file by itself and runs it once, on `(i * 7 % 11) / 5 - 1` (whole numbers:
 * `i * 7 % 256`), element by element, as the recipes do.
 */
export async function describedScores(
  bytes: Uint8Array,
  where: string,
): Promise<{ manifest: ModelManifest; scores: number[] }> {
  started ??= wasmBackend();
  const session = await ModelSession.create(started, { bytes, external: [] }, where);
  try {
    const { inputs, outputs } = session;
    const graph = skeletonOf(bytes)?.write() ?? null;
    const { manifest } = describeGraph(graph, inputs, outputs, where);
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
