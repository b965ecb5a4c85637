import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOnnx } from './graph.js';
import { withoutZipMaps } from './zip-map.js';

const folder = join(import.meta.dirname, '../../../e2e/tabular/golden');
const models = readdirSync(folder).filter((name) => name.endsWith('.onnx'));

describe('models as scikit-learn’s converter writes them', () => {
  it.each(models)('%s', (name) => {
    const model = readFileSync(join(folder, name));
    const before = readOnnx(model);
    const changed = withoutZipMaps(model);
    const after = readOnnx(changed);
    const maps = before.nodes.filter(({ op }) => op.endsWith('ZipMap'));
    if (maps.length === 0) expect(changed).toBe(model);
    expect(after.nodes.some(({ op }) => op.endsWith('ZipMap'))).toBe(false);
    expect(after.nodes).toHaveLength(before.nodes.length);
    for (const { outputs, inputs } of maps) {
      expect(after.producers.get(outputs[0] as string)).toMatchObject({ op: 'Identity', inputs });
    }
    expect(after.opsets.has('')).toBe(before.opsets.has('') || maps.length > 0);
  });
});

it('leaves what is no model as it is', () => {
  const text = new TextEncoder().encode('<p>ZipMap</p>');
  expect(withoutZipMaps(text)).toBe(text);
  const empty = new Uint8Array(0);
  expect(withoutZipMaps(empty)).toBe(empty);
});
