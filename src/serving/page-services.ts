/**
 * What the page does for its workers: what only a page can, and code that is large and rarely wanted,
 * which a page can load on demand and a worker from a blob cannot everywhere.
 */
import * as Comlink from 'comlink';
import { fromErrorRecord, toErrorRecord } from '../base/errors.js';
import { part } from '../base/part.js';
import type { PageServices } from '../wire/connection.js';
import type { Reply } from '../wire/protocol.js';

/** The services of this page, the same for all its workers. */
export const pageServices: PageServices = {
  rasteriseSvg: async (svg, maxPixels) => {
    const reply = await answering(async () =>
      (await part(import('../input/image/seldom.js'))).rasteriseSvg(svg, { maxPixels }),
    );
    return 'value' in reply ? Comlink.transfer(reply, [reply.value]) : reply;
  },
  embedded: (name) =>
    answering(async () => (await part(import('../model/embedded.js'))).embeddedManifest(name)),
  given: (request, task) =>
    answering(async () => (await part(import('../model/given.js'))).givenFiles(request, task)),
  // If it cannot be loaded, the check itself will say so.
  expectManifest: () => void answering(async () => await import('../tasks/manifests.js')),
  validate: (value, where) =>
    answering(async () => (await import('../tasks/manifests.js')).parseAnyManifest(value, where)),
  translate: (request) =>
    answering(async () => (await import('../tasks/translate.js')).translate(request)),
  complete: (request) =>
    answering(async () => (await import('../tasks/translate.js')).complete(request)),
  labels: (bytes, where) =>
    answering(async () => (await part(import('../model/label-file.js'))).readLabels(bytes, where)),
  explain: (error, start) =>
    answering(async () => {
      const { explainEngineError } = await import('../tasks/translate.js');
      throw explainEngineError(fromErrorRecord(error), start);
    }),
};

async function answering<T>(task: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    return { error: toErrorRecord(error) };
  }
}
