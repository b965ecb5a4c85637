import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { manifestChecks, parseAnyManifest } from '../tasks/manifests.js';
import { validManifests } from '../testing/manifests.js';
import { manifestSchema } from './manifest-schema.js';

const root = join(import.meta.dirname, '../..');
const published: object = JSON.parse(readFileSync(join(root, 'docs/model.schema.json'), 'utf8'));
const accepts = new Ajv({ strict: false }).compile(published);
const tasks = Object.keys(validManifests) as (keyof typeof validManifests)[];

describe('the JSON Schema of model.json', () => {
  it('is current; `npx vitest run src/build -u` writes it', { timeout: 60_000 }, async () => {
    const schema = `${JSON.stringify(manifestSchema(root), null, 2)}\n`;
    await expect(schema).toMatchFileSnapshot(join(root, 'docs/model.schema.json'));
  });

  it.each(tasks)('takes a manifest of the task %s', (task) => {
    expect(accepts({ ...validManifests[task], task }), JSON.stringify(accepts.errors)).toBe(true);
  });

  it('takes the manifests of the embedded models', () => {
    const folders = readdirSync(join(root, 'models'), { withFileTypes: true });
    const manifests = folders
      .filter((each) => each.isDirectory())
      .map(({ name }) =>
        JSON.parse(readFileSync(join(root, 'models', name, 'model.json'), 'utf8')),
      );
    expect(manifests.length).toBeGreaterThan(2);
    for (const manifest of manifests) {
      expect(accepts(manifest), JSON.stringify(accepts.errors)).toBe(true);
    }
  });

  it('takes a manifest without a task, and one that names the schema', () => {
    const manifest = validManifests['image-classification'];
    expect(accepts(manifest)).toBe(true);
    expect(accepts({ $schema: './model.schema.json', ...manifest })).toBe(true);
    expect(parseAnyManifest({ $schema: './x.json', ...manifest }, 'model.json')).toMatchObject(
      manifest,
    );
  });

  it.each([
    ['no object', []],
    ['an unknown task', { ...validManifests.tensor, task: 'telepathy' }],
    ['a task that is no text', { ...validManifests.tensor, task: 7 }],
    ['no files', { ...validManifests.tensor, task: 'tensor', files: [] }],
    ['a wrong name', { ...validManifests.tensor, task: 'tensor', name: '../evil' }],
    ['the fields of no task', validManifests.tensor],
    [
      'a scale of 0',
      {
        ...validManifests.tabular,
        task: 'tabular',
        columns: [{ name: 'age', kind: 'number', scale: 0 }],
      },
    ],
  ])('refuses %s, as tabserve does', (_what, manifest) => {
    expect(accepts(manifest)).toBe(false);
    expect(() => parseAnyManifest(manifest, 'model.json')).toThrow(
      expect.objectContaining({ code: 'manifest-invalid' }),
    );
  });

  it('says of any change what the checks of fields say', () => {
    let refused = 0;
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant(undefined),
      fc.constantFrom(-1, 0, 0.5, 1, 3, 16385, 1e9, '', 'NCHW', 'cls', 'softmax', [], {}, null),
    );
    const change = fc.constantFrom(...tasks).chain((task) =>
      fc.record({
        task: fc.constant(task),
        path: fc.constantFrom(...pathsOf({ ...validManifests[task], task })),
        value,
      }),
    );
    fc.assert(
      fc.property(change, ({ task, path, value }) => {
        fc.pre(path[0] !== 'task');
        const manifest = changed({ ...validManifests[task], task }, path, value);
        const check = manifestChecks.find((each) => each.task === task);
        const isRight = check !== undefined && v.is(check.schema, manifest);
        if (!isRight) refused += 1;
        // The checks take a list for an object whose fields may all be left out; the schema does not.
        const isLenient = isRight && Array.isArray(value) && !accepts(manifest);
        expect(accepts(manifest)).toBe(isRight && !isLenient);
      }),
      { numRuns: 3_000 },
    );
    expect(refused).toBeGreaterThan(1_000);
  });

  it('has a description for the fields that have one in the types', () => {
    const text = JSON.stringify(published);
    expect(text).toContain('Semantic version of the weights and everything else here.');
    expect(text.match(/"description"/g)?.length).toBeGreaterThan(100);
  });
});

function pathsOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  const own = at.length === 0 ? [] : [at];
  if (typeof value !== 'object' || value === null) return own;
  const inside = Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...at, key]));
  return [...own, ...inside];
}

/** A copy in which the field at `path` is `value`, or is missing. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = structuredClone(value) as Record<string, unknown>;
  const inside = changed(copy[key], rest, to);
  if (inside === undefined && !Array.isArray(copy)) delete copy[key];
  else copy[key] = inside ?? null;
  return copy;
}
