/** The list of functions fits the engine that is installed, and the parts are what they say. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../testing/folder.js';
import profile from './engine-profile.json' with { type: 'json' };
import { engineParts } from './parts.js';
import { functionCount } from './split.js';

const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const binary = new Uint8Array(readFileSync(join(folder, profile.engine.file)));
const cache = temporaryFolder();

// The kernel is compared by several engines, each compiled in a process of its own.
it('was measured with the engine that is installed', { timeout: 300_000 }, async () => {
  const said: string[] = [];
  const { whole, first, rest, operators } = await engineParts(binary, cache, (line) =>
    said.push(line),
  );
  // Where this fails, the engine is another: measure it anew, by the recipe beside the list.
  expect(said).toEqual([]);
  expect(functionCount(binary)).toBe(profile.functions);
  expect(operators).toEqual(expect.arrayContaining(['Conv', 'Gemm', 'Softmax', 'QuantizeLinear']));
  // The kernel, and the function that it precedes.
  expect(functionCount(whole)).toBe(profile.functions + 2);
  expect(WebAssembly.validate(whole)).toBe(true);
  expect(WebAssembly.validate(first)).toBe(true);
  expect(rest && WebAssembly.validate(rest)).toBe(true);
  expect(first.length).toBeLessThan(0.45 * binary.length);
  // From the cache it is the same.
  const again = await engineParts(binary, cache, () => undefined);
  expect(Buffer.compare(again.first, first)).toBe(0);
});

it('leaves another engine as it is, and says so', async () => {
  const other = binary.slice();
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  const said: string[] = [];
  const parts = await engineParts(other, cache, (line) => said.push(line));
  expect(parts.whole).toBe(other);
  expect(parts.first).toBe(other);
  expect(parts).toMatchObject({ rest: null, operators: null });
  expect(said).toEqual([expect.stringContaining('in one piece')]);
});
