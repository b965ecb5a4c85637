/**
 * What a task is: one kind of question that a model answers, such as "which class does this picture
 * show?". A task has two halves. The page half takes what a page has and makes it fit to be sent;
 * the worker half turns that into named tensors and the model's outputs into an answer. Nothing
 * outside `tasks/` and `api/` knows what a picture or a class is.
 *
 * The worker half is `WorkerTask` in `runtime/task.ts`: the runtime says what it runs, and does not
 * know who does.
 */

import type { PackName } from '../wire/protocol.js';

export type { Tensor, TensorData, Tensors, TensorType } from '../base/tensor.js';

/**
 * The page half of a task.
 *
 * @typeParam Source - What a caller hands over.
 * @typeParam Payload - What of it travels to the worker: plain and cloneable.
 */
export interface PageTask<Source, Payload> {
  /** As in `model.json`, in the hub's terms: `image-classification`. */
  readonly name: string;
  /** The pack that has its worker half. @default none: every worker has it */
  readonly pack?: PackName | undefined;
  /**
   * Loads the methods below, of a task that few pages have: see `late-page.ts`. Who loads a model
   * calls it beside that, and waits for both. @default they are here
   *
   * @throws TabserveError `network`.
   */
  prepare?(): Promise<void>;
  /**
   * Whether the source stays as it is until its turn comes, such as a file or an address. Others are
   * captured at the call.
   */
  isLasting(source: Source): boolean;
  /**
   * Makes the source fit to be sent.
   *
   * @throws TabserveError for a source that cannot be read; the signal's reason. It has to end when
   *   the signal aborts, whatever the platform does.
   */
  capture(source: Source, signal: AbortSignal): Promise<Payload>;
  /**
   * Bytes that capturing the source will hold, as far as that can be told before. Requests count
   * with so many from the call on, until `bytes` is known. @default 0
   */
  expectedBytes?(source: Source): number;
  /** What of the payload is handed over rather than copied. */
  transfer(payload: Payload): Transferable[];
  /**
   * The payload without what only this tab's workers can be sent, such as a video frame; the former
   * one is closed. @default the payload as it is
   */
  portable?(payload: Payload): Promise<Payload>;
  /** Bytes that the payload holds while it waits on the page; 0 for an address. */
  bytes(payload: Payload): number;
  /** Another payload with the same content, for a second attempt; `null` where there is no way. */
  copy(payload: Payload): Payload | null | Promise<Payload | null>;
  /** Frees what the payload holds, such as a video frame. */
  close(payload: Payload): void;
}
