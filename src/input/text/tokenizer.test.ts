import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from './tokenizer.js';

const folder = join(import.meta.dirname, '../../../e2e/text/golden');
const read = (name: string) => readFileSync(join(folder, name));
const texts = JSON.parse(read('texts.json').toString()) as string[];
const golden = JSON.parse(read('tokens.json').toString()) as Record<
  string,
  { texts: string[]; pairs: string[]; truncated: string[]; shown: number[][] }
>;
const names = readdirSync(join(folder, 'tokenizers')).map((file) => file.replace('.json', ''));

const open = (name: string, maxTokens = 100_000) =>
  openTokenizer(read(`tokenizers/${name}.json`), undefined, { maxTokens, where: `${name}.json` });
const digest = (ids: readonly number[]) =>
  createHash('sha256').update(ids.join()).digest('hex').slice(0, 8);

describe.each(names)("%s: the tokens of Hugging Face's tokenizers", (name) => {
  const expected = golden[name];
  if (!expected) throw new Error(`${name} has no expected tokens.`);

  it('of a thousand texts', () => {
    const tokenizer = open(name);
    expect(texts.slice(10, 40).map((text) => tokenizer.encode(text).ids)).toEqual(expected.shown);
    const different = texts.filter(
      (text, at) => digest(tokenizer.encode(text).ids) !== expected.texts[at],
    );
    expect(different).toEqual([]);
  });

  it.each([
    ['pairs', 100_000],
    ['truncated', 24],
  ] as const)('of %s', (which, room) => {
    const tokenizer = open(name, room);
    const different = expected[which].flatMap((wanted, at) => {
      const { ids, typeIds } = tokenizer.encode(texts[at] ?? '', texts.at(-1 - at) ?? '');
      return digest([...ids, ...typeIds]) === wanted ? [] : [[texts[at], texts.at(-1 - at)]];
    });
    expect(different).toEqual([]);
  });
});

describe('tokens that stand in texts as they are', () => {
  const added = JSON.parse(read('added.json').toString()) as {
    texts: string[];
    golden: Record<string, { tokenizer: object; ids: number[][] }>;
  };
  it.each(Object.entries(added.golden))('%s', (where, { tokenizer, ids }) => {
    const file = new TextEncoder().encode(JSON.stringify(tokenizer));
    const opened = openTokenizer(file, undefined, { maxTokens: 100, where });
    for (const [at, text] of added.texts.entries()) {
      expect(opened.encode(text).ids, JSON.stringify(text)).toEqual(ids[at]);
    }
  });

  it('refuses pieces with a prefix, which its model of pairs does not know', () => {
    const { tokenizer } = added.golden.pairs as { tokenizer: { model: object } };
    const prefixed = {
      ...tokenizer,
      model: { ...tokenizer.model, continuing_subword_prefix: '##' },
    };
    const file = new TextEncoder().encode(JSON.stringify(prefixed));
    expect(() => openTokenizer(file, undefined, { maxTokens: 100, where: 'it' })).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});

it('gives the odd token of a pair to the longer text, also of two very long ones', () => {
  // Both are longer than what has to be looked at of them for 9 tokens; the first one has more tokens.
  const long = 'a '.repeat(1_000);
  const longer = `${'a'.repeat(120)} `.repeat(20) + 'a '.repeat(1_500);
  const opened = open('bert', 9 + 3);
  const { typeIds } = opened.encode(longer, long);
  expect(typeIds.filter((type) => type === 0)).toHaveLength(2 + 5);
});
