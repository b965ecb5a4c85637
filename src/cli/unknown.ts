/** Fields of a manifest that nobody reads: most are misspelt. */
import { nearest } from '../base/nearest.js';

/** Names of fields that people misspell, by the object that has them; `''` is the whole file. */
const known: Readonly<Record<string, readonly string[]>> = {
  '': [
    'name',
    'version',
    'task',
    'title',
    'description',
    'license',
    'source',
    'labels',
    'input',
    'preprocess',
    'output',
    'files',
    'constants',
    'encryption',
    'assets',
    'metrics',
    'selfTest',
  ],
  input: ['name', 'layout', 'dtype', 'width', 'height', 'channels', 'colorOrder', 'mask'],
  preprocess: ['resize', 'crop', 'pad', 'scale', 'mean', 'std', 'background', 'alpha'],
  'preprocess.resize': [
    'policy',
    'width',
    'height',
    'size',
    'fraction',
    'longest',
    'asIsUpTo',
    'multipleOf',
    'rounding',
    'align',
    'centre',
    'filter',
    'antialias',
    'reference',
  ],
  'preprocess.crop': ['policy', 'width', 'height', 'rounding', 'fill'],
  output: ['name', 'activation', 'scale', 'zeroPoint'],
};

/**
 * Says of each field that a check has left out what it may have been meant for.
 *
 * @param given - The file's JSON.
 * @param read - The manifest that was made of it.
 */
export function unknownFields(given: unknown, read: unknown): string[] {
  const warnings: string[] = [];
  for (const [path, names] of Object.entries(known)) {
    const [from, to] = [at(given, path), at(read, path)];
    if (!isObject(from) || !isObject(to)) continue;
    for (const key of Object.keys(from).slice(0, 200)) {
      if (Object.hasOwn(to, key)) continue;
      const field = path === '' ? key : `${path}.${key}`;
      const near = nearest(key, names);
      // An author's own notes do no harm.
      if (near === undefined) continue;
      warnings.push(`there is no field "${field}", so that it does nothing. Is "${near}" meant?`);
    }
  }
  return warnings;
}

function at(value: unknown, path: string): unknown {
  const keys = path === '' ? [] : path.split('.');
  return keys.reduce((each, key) => (isObject(each) ? each[key] : undefined), value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
