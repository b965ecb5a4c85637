import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIndex, writeIndex } from './file.js';
import type { Neighbour, SimilarityMetric } from './types.js';
import { VectorIndex } from './vectors.js';

/** Every score, sorted: what an index has to find by less. */
function bruteForce(
  vectors: ReadonlyMap<string, readonly number[]>,
  query: readonly number[],
  k: number,
  metric: SimilarityMetric,
): Neighbour[] {
  const length = (vector: readonly number[]) => Math.hypot(...vector);
  return [...vectors]
    .map(([id, vector]) => {
      const dot = vector.reduce((sum, each, i) => sum + each * (query[i] as number), 0);
      const lengths = length(vector) * length(query);
      return { id, score: metric === 'dot' ? dot : lengths === 0 ? 0 : dot / lengths };
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, k);
}

const number = fc.double({ min: -10, max: 10, noNaN: true }).map(Math.fround);
const dimensions = 7;
const vector = fc.array(number, { minLength: dimensions, maxLength: dimensions });
const id = fc.nat({ max: 30 }).map(String);

describe.each(['cosine', 'dot'] as const)('an index by %s', (metric) => {
  it('finds what brute force finds, after any additions and removals', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('add' as const), id, vector }),
      fc.record({ op: fc.constant('remove' as const), id, vector }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        vector,
        fc.nat({ max: 40 }),
        (steps, query, k) => {
          const index = new VectorIndex(metric);
          const model = new Map<string, readonly number[]>();
          for (const { op, id, vector } of steps) {
            if (op === 'add') {
              index.add([id], Float32Array.from(vector));
              model.set(id, vector);
            } else {
              expect(index.remove([id])).toBe(model.delete(id) ? 1 : 0);
            }
            expect(index.size).toBe(model.size);
          }
          const found = index.nearest(Float32Array.from(query), k);
          const wanted = bruteForce(model, query, k, metric);
          expect(found).toHaveLength(wanted.length);
          for (const [i, { id, score }] of found.entries()) {
            expect(score).toBeCloseTo((wanted[i] as Neighbour).score, 3);
            const own = bruteForce(new Map([[id, model.get(id) ?? []]]), query, 1, metric)[0];
            expect(score).toBeCloseTo((own as Neighbour).score, 3);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** Reproducible numbers of −1…1. */
function randomVectors(count: number, length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count * length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  });
}

it('finds the same ids as brute force among 10,000 × 512, in their order', () => {
  const [count, length] = [10_000, 512];
  const vectors = randomVectors(count, length);
  const ids = Array.from({ length: count }, (_, i) => `${i}`);
  const index = new VectorIndex('cosine');
  index.add(ids, vectors);
  const rows = new Map(
    ids.map((id, i) => [id, [...vectors.subarray(i * length, (i + 1) * length)]]),
  );
  for (const place of [0, 777, 9_999]) {
    const query = vectors.slice(place * length, (place + 1) * length);
    const found = index.nearest(query, 20);
    expect(found[0]).toEqual({ id: `${place}`, score: expect.closeTo(1, 6) });
    const wanted = bruteForce(rows, [...query], 20, 'cosine');
    expect(found.map((each) => each.id)).toEqual(wanted.map((each) => each.id));
  }
});

it('refuses other dimensions, NaN and what is infinite, and is as before', () => {
  const invalid = expect.objectContaining({ code: 'invalid-argument' });
  const index = new VectorIndex('dot');
  index.add(['a'], Float32Array.of(1, 2));
  expect(() => index.add(['b'], Float32Array.of(1, 2, 3))).toThrow(invalid);
  expect(() => index.add(['b', 'c'], Float32Array.of(1, 2, 3))).toThrow(invalid);
  expect(() => index.add(['b'], Float32Array.of(1, Number.NaN))).toThrow(invalid);
  expect(() => index.nearest(Float32Array.of(1, Number.POSITIVE_INFINITY), 1)).toThrow(invalid);
  expect(() => index.nearest(Float32Array.of(1), 1)).toThrow(invalid);
  expect(index.nearest(Float32Array.of(1, 1), 5)).toEqual([{ id: 'a', score: 3 }]);
  expect(new VectorIndex('dot').nearest(Float32Array.of(1), 5)).toEqual([]);
});

it('names ties by the order of adding', () => {
  const index = new VectorIndex('dot');
  index.add(['b', 'a', 'c'], Float32Array.of(1, 1, 1));
  index.remove(['b']);
  index.add(['b'], Float32Array.of(1));
  expect(index.nearest(Float32Array.of(1), 2).map((each) => each.id)).toEqual(['a', 'c']);
});

describe('a file', () => {
  it('holds an index', () => {
    const index = new VectorIndex('cosine');
    index.add(['ä', '日本', ''], Float32Array.of(3, 4, 0, 1, 1, 0));
    const read = readIndex(writeIndex(index), 'i');
    expect(read.content()).toEqual(index.content());
    const empty = readIndex(writeIndex(new VectorIndex('dot')), 'i');
    expect(empty.content()).toEqual(new VectorIndex('dot').content());
  });

  it('that is damaged is refused, whatever the damage', () => {
    const index = new VectorIndex('dot');
    index.add(['a', 'b'], Float32Array.of(1, 2, 3, 4));
    const file = writeIndex(index);
    fc.assert(
      fc.property(
        fc.nat({ max: file.length - 1 }),
        fc.nat({ max: 255 }),
        fc.boolean(),
        (at, byte, cut) => {
          const other = cut ? file.slice(0, at) : file.slice();
          if (!cut) other[at] = byte;
          try {
            // A changed letter of an id, or a changed number, is for the digest of the file to find.
            expect(readIndex(other, 'i').size).toBeLessThanOrEqual(2);
          } catch (error) {
            expect(error).toMatchObject({
              code: expect.stringMatching(/integrity|invalid-argument/),
            });
          }
        },
      ),
    );
  });
});
