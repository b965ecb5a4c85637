/** What is wrong with a manifest, in words that an author uses. */
import type * as v from 'valibot';
import { TabserveError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';

/** One thing that is wrong. */
export interface Fault {
  /** `input.width` */
  field: string;
  /** `nothing` where the field is missing. */
  found: string;
  expected: string;
  /** A field beside it that probably stands for it: `verison`. */
  instead?: string | undefined;
}

/** What fields take that a schema's own words do not tell, by the last part of their path. */
const meanings: Readonly<Record<string, string>> = {
  name: 'a string: letters, digits, ".", "_", "-", and "/" between an owner and a name',
  'input.name': "the name of the graph's input",
  'output.name': "the name of the graph's output",
  version: 'three numbers, such as "1.0.0"',
  labels: 'a list of strings, one for each class, or {"url": "labels.txt"}',
  input:
    'an object that says what the graph takes: name, layout, dtype, width, height, channels, colorOrder',
  preprocess: 'an object that says how a picture becomes the input; {} for nothing',
  output: 'an object that says what the graph gives',
  files: 'a list of graphs, such as [{"url": "model.onnx", "dtype": "fp32"}]',
  url: 'the address of a file, relative to the manifest',
  sha256: '64 hexadecimal digits in lower case',
  bytes: "a file's size, a whole number from 1 to 4294967296",
  layout: '"NCHW" or "NHWC"',
  channels: '3, or 1 for grey',
  colorOrder: '"RGB", "BGR" or "GRAY"',
  dtype: '"float32" or another type that the graph takes; for a file "fp32", "fp16" or "int8"',
  activation: 'how the output becomes scores, such as "softmax", or "none"',
  mean: 'a number, or one for each channel',
  std: 'a number above 0, or one for each channel',
  width: 'a whole number of pixels, from 1 to 16384',
  height: 'a whole number of pixels, from 1 to 16384',
  size: 'a whole number of pixels, from 1 to 16384',
};

/** Most faults that a message lists. */
const mostFaults = 12;

/** What the issues of a schema mean, each once. */
export function faultsOf(issues: readonly v.BaseIssue<unknown>[]): Fault[] {
  const faults = issues.slice(0, 1000).map(faultOf);
  return faults.filter((each, at) => faults.findIndex(({ field }) => field === each.field) === at);
}

function faultOf(issue: v.BaseIssue<unknown>): Fault {
  const path = (issue.path ?? []).map(({ key }) => `${key}`);
  const field = path.length > 0 ? path.join('.') : '(the whole file)';
  const name = path.at(-1) ?? '';
  const meaning = meanings[path.slice(-2).join('.')] ?? meanings[name];
  if (issue.input === undefined && path.length > 0) {
    const parent: unknown = issue.path?.at(-1)?.input;
    const near = misspelt(name, parent);
    const instead = near === name ? undefined : near;
    return { field, found: 'nothing', expected: meaning ?? 'a value', instead };
  }
  // A choice among words is told by the words.
  const isChoice = issue.type === 'picklist' || issue.type === 'variant';
  const expected = isChoice || meaning === undefined ? wordsOf(issue) : meaning;
  return { field, found: issue.received, expected };
}

/** A schema's own words. */
function wordsOf({ expected, message }: v.BaseIssue<unknown>): string {
  if (expected === null) return message;
  const parts = expected.replace(/^\((.*)\)$/, '$1').split(' | ');
  return parts.map((part) => words[part] ?? bound(part)).join(' or ');
}

const words: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'an object',
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  finite: 'a number that is not infinite',
  integer: 'a whole number',
};

function bound(text: string): string {
  const [, sign, value] = /^([<>]=?|%)(.*)$/.exec(text) ?? [];
  if (value === undefined) return text;
  if (sign === '%') return `a multiple of ${value}`;
  return `${sign === '<=' ? 'at most' : sign === '>=' ? 'at least' : sign} ${value}`;
}

/** A key beside a missing one that differs from it by a slip. */
function misspelt(name: string, parent: unknown): string | undefined {
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent)) return undefined;
  return nearest(name, Object.keys(parent).slice(0, 200));
}

/**
 * The error for them all.
 *
 * @param faults - At least one.
 */
export function invalidManifest(where: string, faults: readonly Fault[]): TabserveError {
  const [first] = faults;
  const told = faults.slice(0, mostFaults).map(sentence);
  const more = faults.length > mostFaults ? `; and ${faults.length - mostFaults} more` : '';
  const count = faults.length > 1 ? `${faults.length} things are wrong: ` : '';
  return new TabserveError('manifest-invalid', `${where}: ${count}${told.join('; ')}${more}.`, {
    details: {
      manifest: where,
      field: first?.field ?? '',
      found: first?.found ?? '',
      expected: first?.expected ?? '',
      fields: faults.map(({ field }) => field).join(', '),
    },
  });
}

function sentence({ field, found, expected, instead }: Fault): string {
  if (found !== 'nothing') {
    return `the field "${field}" is wrong: found ${found}, expected ${expected}`;
  }
  const hint = instead === undefined ? '' : ` (there is "${instead}": is that meant?)`;
  return `there is no "${field}"${hint}, expected ${expected}`;
}

/**
 * A copy whose lists and objects are short, so that what is wrong with it can be listed: a fault that
 * is repeated a million times would fill the memory.
 */
export function shortened(value: unknown, depth = 0): unknown {
  const most = 64;
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (Array.isArray(value)) return value.slice(0, most).map((each) => shortened(each, depth + 1));
  const short: Record<string, unknown> = {};
  for (const key of Object.keys(value).slice(0, most)) {
    if (key !== '__proto__')
      short[key] = shortened((value as Record<string, unknown>)[key], depth + 1);
  }
  return short;
}
