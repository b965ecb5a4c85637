/** Reading what somebody else's `tokenizer.json` says, field by field. */
import { TabserveError } from '../../base/errors.js';

/** A JSON object of unknown contents. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A flag; what is no flag is not set. */
export function flag(fields: Fields, name: string, otherwise = false): boolean {
  const { [name]: value } = fields;
  return typeof value === 'boolean' ? value : otherwise;
}

/** A text; what is none is not given. */
export function text(fields: Fields, name: string): string | undefined {
  const { [name]: value } = fields;
  return typeof value === 'string' ? value : undefined;
}

/** A list of objects; what is none is empty. */
export function list(fields: Fields, name: string): Fields[] {
  const { [name]: value } = fields;
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** The error for a part of a tokenizer that nobody here can do. */
export function unknownPart(kind: string, part: unknown, where: string): TabserveError {
  const type = isFields(part) ? String(part.type) : JSON.stringify(part);
  return new TabserveError(
    'unsupported',
    `${where} has the ${kind} "${type}", which tabserve does not know. Use a model with another tokenizer.`,
    { details: { file: where, kind, found: type } },
  );
}
