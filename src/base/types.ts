/** Words that several rooms share. */

/** Where arithmetic happens: ONNX Runtime's execution provider. */
export type Device = 'webgpu' | 'wasm';

/** A substitution that tabserve made, and why. */
export interface Fallback {
  /** What was wanted. */
  from: string;
  /** What is used. */
  to: string;
  reason: string;
}

/** Milliseconds that a request spent in each stage. */
export interface StageTimings {
  /** On the page: taking the picture from its source. */
  capture: number;
  /** Waiting for its turn, on the page and in the worker. */
  queue: number;
  /** In the worker: bytes to pixels. */
  decode: number;
  /** In the worker: pixels to tensor. On the GPU only what it takes to hand that over. */
  preprocess: number;
  /** In the worker: tensor to logits; with preprocessing on the GPU also that. */
  inference: number;
  /** In the worker: logits to sorted answers. */
  postprocess: number;
  /** On the page: from the call to the answer. */
  total: number;
}

/** What `update` or `rollback` has done. */
export interface ModelChange {
  name: string;
  /** The version in use from now on. */
  version: string;
  /** The one before; `null` if there was none. */
  from: string | null;
  /** Whether they differ, in version or in bytes. */
  changed: boolean;
}
