/** Weights that a graph keeps in other files. */
import { TabserveError } from '../base/errors.js';
import type { ExternalFile, ModelFile } from './manifest.js';
import { isOutside } from './paths.js';

/** Most files of external data. */
const mostFiles = 64;

/**
 * The files that the graph names and its manifest does not, beside the graph.
 *
 * @param locations - As `skeletonOf()` finds them.
 * @throws TabserveError `model-invalid` for a location outside of the graph's folder, or too many.
 */
export function unlistedData(file: ModelFile, locations: readonly string[]): ExternalFile[] {
  const listed = new Set(file.external?.map(({ path }) => plain(path)));
  const missing = locations.filter((location) => !listed.has(plain(location)));
  if (missing.length > mostFiles) {
    throw refusal(file, `${missing.length} files`, `at most ${mostFiles}`);
  }
  return missing.map((path) => {
    if (isOutside(path) || /^[a-z][a-z+.-]*:|[\\?#\0]/i.test(path)) {
      throw refusal(file, `"${path}"`, 'a file in its own folder');
    }
    return { path, url: beside(file.url, plain(path)) };
  });
}

function plain(path: string): string {
  return path.replace(/^(\.\/)+/, '');
}

/** A file in the folder of another one, whose address may have a query. */
function beside(url: string, name: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const isAddress = /^[a-z][a-z+.-]*:/i.test(url);
  return folder + (isAddress ? name.split('/').map(encodeURIComponent).join('/') : name);
}

function refusal(file: ModelFile, found: string, expected: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `${file.url} keeps weights in ${found}, expected ${expected}. Save the model again with its external data next to it.`,
    { details: { model: file.url, found, expected } },
  );
}
