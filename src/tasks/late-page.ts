/** Page halves of tasks that few pages have: their code comes with the first model of such a task. */
import { part } from '../base/part.js';
import type { CapturedText } from '../input/text/types.js';
import type { PackName } from '../wire/protocol.js';
import type { PageTask } from './task.js';
import type { TensorSource } from './tensor/page.js';
import type { TensorPayload } from './tensor/types.js';
import type { TextSource } from './text-page.js';

/** The code of all of them, which is small. */
export type Pages = typeof import('./pages.js');

/**
 * A page half that has its methods once `prepare()` has ended.
 *
 * @param make - Takes it from the code.
 */
export function latePage<Source, Payload>(
  name: string,
  pack: PackName,
  make: (pages: Pages) => PageTask<Source, Payload>,
): PageTask<Source, Payload> {
  const task: Partial<PageTask<Source, Payload>> = {
    name,
    pack,
    async prepare() {
      if (task.close) return;
      Object.assign(task, make(await part(import('./pages.js'))));
    },
  };
  return task as PageTask<Source, Payload>;
}

/** Named tensors, as every handle takes them that was created for it. */
export const tensorTask = latePage<TensorSource, TensorPayload>(
  'tensor',
  'tensor',
  ({ tensorPage }) => tensorPage,
);

/** The page half of a task of texts. */
export const textTask = (name: string) =>
  latePage<TextSource, CapturedText>(name, 'text', ({ textPage }) => textPage(name));
