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
  embedded: onDemand(
    () => import('../model/embedded.js'),
    (code) => code.embeddedManifest,
  ),
  given: onDemand(
    () => import('../model/given.js'),
    (code) => code.givenFiles,
  ),
  // If it cannot be loaded, the check itself will say so.
  expectManifest: () => void import('../tasks/manifests.js').catch(() => undefined),
  validate: onDemand(
    () => import('../tasks/manifests.js'),
    (code) => code.parseAnyManifest,
  ),
  translate: onDemand(
    () => import('../tasks/translate.js'),
    (code) => code.translate,
  ),
  complete: onDemand(
    () => import('../tasks/translate.js'),
    (code) => code.complete,
  ),
  labels: onDemand(
    () => import('../model/label-file.js'),
    (code) => code.readLabels,
  ),
  explain: (error, start) =>
    answering(async () => {
      const { explainEngineError } = await part(import('../tasks/translate.js'));
      throw explainEngineError(fromErrorRecord(error), start);
    }),
};

/** A function of code that is loaded when it is first called. */
function onDemand<Code, Asked extends unknown[], Value>(
  load: () => Promise<Code>,
  pick: (code: Code) => (...asked: Asked) => Value | Promise<Value>,
): (...asked: Asked) => Promise<Reply<Value>> {
  return (...asked) => answering(async () => pick(await part(load()))(...asked));
}

async function answering<T>(task: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    return { error: toErrorRecord(error) };
  }
}
