/** Random graphs, described by themselves: the scores are native onnxruntime's, or there are none. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import type { ModelManifest } from '../model/manifest.js';
import { describedScores } from '../testing/described.js';

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

function rangeOf({ preprocess: { mean, scale }, input }: ModelManifest): Case['range'] {
  if (!input.dtype.startsWith('float')) return 'as it is';
  if (mean !== undefined) return 'imagenet';
  return scale === 1 ? '255' : '1';
}

test(`${cases.length} random graphs`, { timeout: 1_800_000 }, async () => {
  const wrong: string[] = [];
  for (const [index, each] of cases.entries()) {
    const bytes = new Uint8Array(Buffer.from(each.model, 'base64'));
    const got = await describedScores(bytes, 'random.onnx').catch(
      (error: unknown) => error as Error,
    );
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
