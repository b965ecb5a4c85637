/**
 * Checks of `model.json`: the part that is the same for every task. Each task brings its own.
 *
 * Kept manifests are not checked again: see `manifest-format.ts` about changes to any of them.
 */
import * as v from 'valibot';
import type { TabserveError } from '../base/errors.js';
import { arrayClasses, type NumberType } from '../base/tensor.js';
import type { CoreManifest } from './manifest-core.js';
import { type Fault, faultsOf, invalidManifest, shortened } from './manifest-faults.js';

/** Most elements of a tensor that is written down: 256 MB of float32. */
const mostElements = 2 ** 26;

/** What sizes have to be. */
export const boundedSizes = `sizes of at most ${mostElements} elements`;

/** A text of a manifest: bounded, so that none fills the memory. */
export const text = v.pipe(v.string(), v.maxLength(10_000));
/** The name of a tensor, or the address of a file. */
export const name = v.pipe(text, v.minLength(1));
/** One label per class, or the address of a file with one per line. */
export const labels = v.union([
  v.pipe(v.array(text), v.minLength(1), v.maxLength(1_000_000)),
  v.object({ url: name }),
]);

/** Least scores of single classes, by their labels. */
export const thresholds = v.optional(
  v.pipe(v.record(text, v.pipe(v.number(), v.finite())), v.maxEntries(1_000_000)),
);

const fileFields = {
  url: name,
  bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 32))),
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
};

const elementTypes = Object.keys(arrayClasses) as NumberType[];
const recordedNumbers = (most: number) =>
  v.pipe(v.array(v.nullable(v.pipe(v.number(), v.finite()))), v.maxLength(most));
const tensorFields = {
  type: v.picklist(elementTypes),
  dims: v.pipe(
    v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(mostElements))),
    v.maxLength(16),
    v.check(
      (dims) => dims.reduce((product, size) => product * size, 1) <= mostElements,
      boundedSizes,
    ),
  ),
};
const testFiles = v.pipe(v.array(name), v.minLength(1), v.maxLength(16));
/** What the network makes of tensors. */
export const tensorTest = v.object({
  file: v.optional(name),
  inputs: v.union([
    testFiles,
    v.pipe(
      v.record(
        name,
        v.object({
          ...tensorFields,
          data: v.optional(
            v.union([
              v.pipe(v.number(), v.finite()),
              v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(100_000)),
            ]),
          ),
        }),
      ),
      v.maxEntries(16),
    ),
  ]),
  outputs: v.union([
    testFiles,
    v.pipe(
      v.record(
        name,
        v.object({
          ...tensorFields,
          step: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
          numbers: recordedNumbers(4096),
          parts: v.optional(recordedNumbers(256)),
        }),
      ),
      v.maxEntries(16),
    ),
  ]),
});
/** At most so many tests. */
export const tests = <Test extends v.GenericSchema>(test: Test) =>
  v.optional(v.pipe(v.array(test), v.minLength(1), v.maxLength(100)));
/** A language tag of BCP 47, such as `de` or `zh-Hans`. */
const languageTag = v.pipe(v.string(), v.regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$/));

/** The fields of every manifest but for `task`. A task's schema is these and its own. */
export const coreFields = {
  name: v.pipe(v.string(), v.regex(/^\w[\w.-]{0,95}(\/\w[\w.-]{0,95})?$/)),
  version: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+([-+][\w.+-]{1,64})?$/)),
  title: v.optional(text),
  description: v.optional(text),
  license: v.optional(text),
  source: v.optional(text),
  labels: v.optional(labels),
  labelDetails: v.optional(
    v.pipe(
      v.array(v.object({ short: v.optional(text), group: v.optional(text) })),
      v.maxLength(1_000_000),
    ),
  ),
  language: v.optional(languageTag),
  translations: v.optional(v.pipe(v.record(languageTag, v.object(fileFields)), v.maxEntries(200))),
  files: v.pipe(
    v.array(
      v.object({
        ...fileFields,
        dtype: v.picklist(['fp32', 'fp16', 'int8'] as const),
        weightsOnly: v.optional(v.boolean()),
        external: v.optional(
          v.pipe(v.array(v.object({ ...fileFields, path: name })), v.maxLength(64)),
        ),
      }),
    ),
    v.minLength(1),
    v.maxLength(16),
  ),
  assets: v.optional(v.pipe(v.record(name, v.object(fileFields)), v.maxEntries(16))),
  constants: v.optional(
    v.record(
      name,
      v.union([
        v.pipe(v.number(), v.finite()),
        v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(1_000_000)),
      ]),
    ),
  ),
  selfTest: tests(tensorTest),
  encryption: v.optional(
    v.object({
      algorithm: v.literal('AES-GCM'),
      keyId: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
      expires: v.optional(v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/))),
    }),
  ),
  metrics: v.optional(v.record(v.string(), v.unknown())),
};

/**
 * Notes that a field of a manifest is wrong. Whoever can go on does, so that the author reads all that is
 * wrong at once; whoever cannot throws what this gives.
 */
export type Refuse = (field: string, found: unknown, expected: string) => TabserveError;

/** What a task's part of the manifest has to be. */
export interface ManifestCheck<Manifest extends CoreManifest = CoreManifest> {
  /** The value of `task`. */
  readonly task: Manifest['task'];
  readonly schema: v.GenericSchema<unknown, Manifest>;
  /**
   * Whether the parts fit together. What is noted by `refuse` is wrong.
   *
   * @throws what `refuse` makes.
   */
  fit?(manifest: Manifest, refuse: Refuse): void;
}

/** What a manifest that names no task is for, as those of the first version are. */
const defaultTask = 'image-classification';

/**
 * Checks that `value` (parsed JSON) describes a model of one of these tasks, and that its parts fit
 * together.
 *
 * @param value - Anything.
 * @param where - What the message calls the manifest: its URL or file name.
 * @throws TabserveError `manifest-invalid`, naming of each field that is wrong what was found and what was
 *   expected; `details` has the first of them, and the names of all as `fields`.
 */
export function checkManifest(
  value: unknown,
  where: string,
  checks: readonly ManifestCheck[],
): CoreManifest {
  const faults: Fault[] = [];
  const refuse: Refuse = (field, found, expected) => {
    faults.push({ field, found: String(found), expected });
    return invalidManifest(where, faults);
  };
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) {
    throw refuse('(the whole file)', String(JSON.stringify(value)).slice(0, 80), 'an object');
  }
  const given = 'task' in value ? value.task : undefined;
  const task = given === undefined ? defaultTask : given;
  const check = checks.find((each) => each.task === task);
  if (!check) {
    const known = checks.map((each) => JSON.stringify(each.task)).join(', ');
    throw refuse('task', JSON.stringify(task), checks.length > 1 ? `one of ${known}` : known);
  }
  const complete = { ...value, task };
  const result = v.safeParse(check.schema, complete, { abortEarly: true });
  if (!result.success) {
    const all = v.safeParse(check.schema, shortened(complete), { abortPipeEarly: true });
    throw invalidManifest(where, faultsOf([...(all.issues ?? []), ...result.issues]));
  }
  try {
    check.fit?.(result.output, refuse);
  } catch (error) {
    if (faults.length === 0) throw error;
  }
  if (faults.length > 0) throw invalidManifest(where, faults);
  return result.output;
}
