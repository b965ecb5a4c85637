/** The embedded model `photos`, as its file has it and widened, on the engine itself. */
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';
import { expect, it } from 'vitest';
import manifest from '../../models/photos/model.json';
import { widenIntegers } from './widen-weights.js';

it('answers the same with its weights widened, and has an embedding', async () => {
  ort.env.wasm.numThreads = 1;
  const [file] = manifest.files;
  const stored = new Uint8Array(
    readFileSync(new URL(`../../models/photos/${file?.url}`, import.meta.url)),
  );
  const wide = widenIntegers(stored);
  expect(wide.length).toBeGreaterThan(3.8 * stored.length);
  const { width, height } = manifest.input;
  // A picture that is neither flat nor random: the same on every run.
  const data = Float32Array.from({ length: 3 * width * height }, (_, at) => Math.sin(at / 97));
  const run = async (bytes: Uint8Array) => {
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    expect(session.outputNames).toEqual(['logits', 'embedding']);
    const input = new ort.Tensor('float32', data, [1, 3, height, width]);
    const { logits, embedding } = await session.run({ input });
    expect(logits?.dims).toEqual([1, 1000]);
    expect(embedding?.dims).toEqual([1, 1280]);
    await session.release();
    return logits?.data as Float32Array;
  };
  const narrow = await run(stored);
  const widened = await run(wide);
  expect(new Set(narrow).size).toBeGreaterThan(900);
  expect(Math.max(...widened.map((value, at) => Math.abs(value - (narrow[at] ?? 0))))).toBeLessThan(
    1e-4,
  );
}, 60_000);
