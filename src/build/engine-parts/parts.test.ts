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

it('was measured with the engine that is installed', () => {
  const said: string[] = [];
  const { first, rest, operators } = engineParts(binary, cache, (line) => said.push(line));
  // Where this fails, the engine is another: measure it anew, by the recipe beside the list.
  expect(said).toEqual([]);
  expect(functionCount(binary)).toBe(profile.functions);
  expect(operators).toEqual(expect.arrayContaining(['Conv', 'Gemm', 'Softmax', 'QuantizeLinear']));
  expect(WebAssembly.validate(first)).toBe(true);
  expect(rest && WebAssembly.validate(rest)).toBe(true);
  expect(first.length).toBeLessThan(0.45 * binary.length);
  // From the cache it is the same.
  expect(Buffer.compare(engineParts(binary, cache, () => undefined).first, first)).toBe(0);
});

it('leaves another engine in one piece, and says so', () => {
  const other = binary.slice();
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  const said: string[] = [];
  const parts = engineParts(other, cache, (line) => said.push(line));
  expect(parts.first).toBe(other);
  expect(parts).toMatchObject({ rest: null, operators: null });
  expect(said).toEqual([expect.stringContaining('in one piece')]);
});
