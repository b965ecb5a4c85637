/** What `model.json` says of a model of tables. */
import * as v from 'valibot';
import { coreFields, labels, type ManifestCheck, name } from '../../model/manifest-check.js';
import type { TabularManifest } from './types.js';

const finite = v.pipe(v.number(), v.finite());
const cell = v.union([finite, v.pipe(v.string(), v.maxLength(10_000))]);

/** Its part of the manifest, with the core's. */
export const manifestCheck: ManifestCheck<TabularManifest> = {
  task: 'tabular',
  schema: v.object({
    ...coreFields,
    task: v.literal('tabular'),
    labels: v.optional(labels),
    columns: v.pipe(
      v.array(
        v.object({
          name,
          kind: v.picklist(['number', 'category', 'text'] as const),
          mean: v.optional(finite),
          scale: v.optional(
            v.pipe(
              finite,
              v.check((value) => value !== 0, 'a number that is not 0'),
            ),
          ),
          categories: v.optional(v.pipe(v.array(cell), v.minLength(1), v.maxLength(100_000))),
          encoding: v.optional(v.picklist(['one-hot', 'ordinal'] as const)),
          unknown: v.optional(v.union([v.literal('zeros'), v.pipe(v.number(), v.integer())])),
          missing: v.optional(cell),
        }),
      ),
      v.minLength(1),
      v.maxLength(100_000),
    ),
    input: v.variant('kind', [
      v.object({ kind: v.literal('matrix'), name }),
      v.object({ kind: v.literal('columns') }),
    ]),
    output: v.variant('kind', [
      v.object({ kind: v.literal('value'), name }),
      v.object({
        kind: v.literal('class'),
        label: v.optional(name),
        scores: v.optional(
          v.union([name, v.pipe(v.array(name), v.minLength(2), v.maxLength(100_000))]),
        ),
        activation: v.optional(v.picklist(['softmax', 'sigmoid', 'none', 'log-softmax'] as const)),
      }),
    ]),
  }) as v.GenericSchema<unknown, TabularManifest>,
  fit({ columns, output, input }, refuse) {
    const names = new Set<string>();
    for (const [at, column] of columns.entries()) {
      const { kind, categories, unknown, encoding = 'one-hot' } = column;
      const field = `columns.${at}`;
      if (names.has(column.name)) throw refuse(`${field}.name`, column.name, 'a name of its own');
      names.add(column.name);
      if ((kind === 'category') !== (categories !== undefined)) {
        const expected = kind === 'category' ? 'the categories' : 'nothing, but for a category';
        throw refuse(`${field}.categories`, categories?.length ?? 'nothing', expected);
      }
      if (unknown === 'zeros' && encoding === 'ordinal') {
        throw refuse(`${field}.unknown`, unknown, 'a number, where the encoding is ordinal');
      }
      if (kind === 'category' && encoding === 'one-hot' && input.kind === 'columns') {
        throw refuse(
          `${field}.encoding`,
          encoding,
          'ordinal, or text, where each column is an input',
        );
      }
      if (
        kind === 'text' &&
        input.kind === 'matrix' &&
        columns.some((each) => each.kind !== 'text')
      ) {
        throw refuse(`${field}.kind`, kind, 'number or category, in one matrix of numbers');
      }
    }
    if (output.kind === 'class' && output.label === undefined && output.scores === undefined) {
      throw refuse('output', 'neither "label" nor "scores"', 'one of them');
    }
  },
};
