/**
 * Packs: worker code of tasks that not every page needs, in files of their own.
 *
 * A pack is one statement that puts a function under its name into `self.tabservePacks`. So its text
 * can stand before the worker's own script in one blob, its file can be loaded by `importScripts`,
 * and a page can load it by a script tag and hand its text on. Nothing of it runs before the worker
 * opens its tasks.
 */
import type { ImageInput } from '../input/image/prepare.js';
import type { WorkerTask } from '../runtime/task.js';

/** The packs, by the kind of input that their tasks take. */
export type PackName = 'image';

/** What the worker's own script has that packs need not bring. */
export interface PackHost {
  /** Decoding and preprocessing of pictures, on the GPU where the worker has one. */
  readonly images: ImageInput;
}

/** A pack, once it is loaded: gives its tasks. */
export type Pack = (host: PackHost) => readonly AnyTask[];

/** A task, whatever it takes and gives: what its checks have let through fits. */
// biome-ignore lint/suspicious/noExplicitAny: tasks differ in all that they take.
export type AnyTask = WorkerTask<any, any, any, any, any>;
