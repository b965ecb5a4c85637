/** What the manifests of tasks of texts have in common. */
import * as v from 'valibot';
import { name, text } from '../model/manifest-check.js';

/** See `TextInput`. */
export const textInputSchema = v.object({
  ids: name,
  attentionMask: v.optional(name),
  typeIds: v.optional(name),
  positionIds: v.optional(name),
});

/** See `TextPreprocess`. */
export const textPreprocessSchema = v.object({
  maxTokens: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
  prefix: v.optional(text),
  lowercase: v.optional(v.boolean()),
});

const file = v.object({
  url: name,
  bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 32))),
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
});

/** The files of a tokenizer. */
export const textAssetsSchema = v.object({
  'tokenizer.json': file,
  'tokenizer_config.json': v.optional(file),
});
