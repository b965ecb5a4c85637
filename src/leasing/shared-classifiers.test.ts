import { expect, it, vi } from 'vitest';
import { leaseClassifier } from './shared-classifiers.js';

/** A `create()` that ends when the test says so. */
const loads = vi.hoisted(() => [] as { resolve(): void; reject(error: unknown): void }[]);
vi.mock('../index.js', () => ({
  ImageClassifier: {
    create: () =>
      new Promise((resolve, reject) => {
        loads.push({ resolve: () => resolve({ destroy: () => undefined }), reject });
      }),
  },
}));

const lease = () => {
  const taken = leaseClassifier({ model: 'm' }, () => undefined);
  taken.classifier.catch(() => undefined);
  return taken;
};

it('a lease that was given up leaves its successor alone', async () => {
  const first = lease();
  first.release();
  lease();
  // What was given up fails late.
  loads[0]?.reject(new Error('aborted'));
  await new Promise((resolve) => setTimeout(resolve));
  lease();
  expect(loads).toHaveLength(2);
});

it('a load that fails may be tried again', async () => {
  const before = loads.length;
  const options = { model: 'other' };
  leaseClassifier(options, () => undefined).classifier.catch(() => undefined);
  loads[before]?.reject(new Error('no network'));
  await new Promise((resolve) => setTimeout(resolve));
  leaseClassifier({ ...options }, () => undefined).classifier.catch(() => undefined);
  expect(loads).toHaveLength(before + 2);
});
