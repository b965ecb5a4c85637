/** The tasks and services of a worker: those of its own script, and those of packs. */
import { messageOf, TabserveError } from '../base/errors.js';
import { imageClassification } from '../tasks/image-classification/worker.js';
import type { AnyService, AnyTask, Pack, PackHost } from '../tasks/pack.js';
import { trustedScriptUrl } from '../wire/trusted-types.js';

/** The worker's. Tests compile this among the page's types too. */
declare function importScripts(...urls: string[]): void;

/**
 * @param host - What packs find here.
 * @param files - Addresses of packs that are not part of the script already.
 * @throws TabserveError `network` where a file cannot be loaded.
 */
export function openTasks(
  host: PackHost,
  files: readonly string[],
): readonly (AnyTask | AnyService)[] {
  for (const url of files) load(url);
  const { tabservePacks = {} } = self as { tabservePacks?: Readonly<Record<string, () => Pack>> };
  return [
    imageClassification(host.images),
    ...Object.values(tabservePacks).flatMap((open) => open()(host)),
  ];
}

function load(url: string): void {
  try {
    importScripts(trustedScriptUrl(url));
  } catch (cause) {
    throw new TabserveError(
      'network',
      `A part of tabserve could not be loaded from ${url}: ${messageOf(cause)} Serve tabserve's "packs" folder beside its worker files.`,
      { cause, details: { url } },
    );
  }
}
