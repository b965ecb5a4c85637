/** The tasks of a worker: those of its own script, and those of packs. */
import { imageClassification } from '../tasks/image-classification/worker.js';
import type { AnyTask, Pack, PackHost } from '../tasks/pack.js';
import { trustedScriptUrl } from '../wire/trusted-types.js';

/**
 * @param host - What packs find here.
 * @param files - Addresses of packs that are not part of the script already.
 * @throws what `importScripts` throws where a file cannot be loaded.
 */
export function openTasks(host: PackHost, files: readonly string[]): readonly AnyTask[] {
  importScripts(...files.map(trustedScriptUrl));
  const { tabservePacks = {} } = self as { tabservePacks?: Readonly<Record<string, () => Pack>> };
  return [
    imageClassification(host.images),
    ...Object.values(tabservePacks).flatMap((load) => load()(host)),
  ];
}
