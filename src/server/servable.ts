/** What the server asks of a model. Every class of tabserve is one, and so is what looks like it. */
import type { TensorInfo, Tensors } from '../base/tensor.js';

/** How a request is treated, whatever it asks. */
export interface RequestTreatment {
  /** Comes back in the model's `request` event. */
  id: string;
  signal: AbortSignal;
  /** Milliseconds until the answer is of no use. */
  timeout?: number;
  priority: 'high' | 'normal' | 'low';
}

/** A model that can be registered. */
export interface ServableModel {
  /** What it is asked for, as in `model.json`: `image-classification`. */
  readonly task: string;
  /** The graph's own inputs and outputs. A size that it leaves open is a name. */
  readonly graph: {
    readonly inputs: readonly TensorInfo[];
    readonly outputs: readonly TensorInfo[];
  };
  readonly info: {
    readonly model: {
      readonly name: string;
      readonly version: string;
      readonly title?: string;
      /** One per class; empty where the model has none. */
      readonly labels?: readonly string[];
      /** Of its files. Counts against the memory budget. */
      readonly bytes: number;
    };
    readonly device?: string;
    readonly threads?: number;
  };
  /**
   * What the graph makes of these tensors.
   *
   * @throws TabserveError `invalid-argument` where they do not fit; `unsupported` where the model was
   *   not created with `tensors: true`.
   */
  infer(
    tensors: Tensors,
    options: RequestTreatment & { outputs?: readonly string[] },
  ): Promise<Tensors>;
  /** Frees it. */
  destroy(): void;
  /** Fires `request`, its `detail` with the request's `id` and `timings`, before the answer. */
  addEventListener?(type: string, listener: (event: Event) => void): void;
}

/** What a loader is called with; `create()` of every class takes it as it is. */
export interface LoadContext {
  signal: AbortSignal;
  /** Raw tensors are answered too. */
  tensors: true;
  /** Workers that the model may have, where `scale()` was called. */
  maxWorkers?: number;
}

/** Loads a model; it may be called again, after the model was unloaded. */
export type ModelLoader = (context: LoadContext) => Promise<ServableModel>;

/** What a body can be about. */
export type QuestionKind = 'image' | 'audio' | 'text' | 'rows';

/** Two texts that are judged together. */
export interface TextPair {
  text: string;
  pair: string;
}

/** A picture or a sound, as a file. */
export interface MediaQuestion {
  kind: 'image' | 'audio';
  /** The file, with its media type. */
  readonly blob: Blob;
  /** The same, where it came as bytes. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** A question in a model's own terms. */
export type Question =
  | MediaQuestion
  | { kind: 'text'; texts: readonly (string | TextPair)[] }
  /** Of a table: `X` of a request, whatever it is. */
  | { kind: 'rows'; rows: unknown };

/** Options of a question, by the names that Hugging Face's API gives them. */
export type QuestionParameters = Readonly<Record<string, unknown>>;

/** How the models of a task answer questions that are no tensors. */
export interface TaskFace {
  /** What it takes. */
  readonly kind: QuestionKind;
  /**
   * Asks the model.
   *
   * @returns Something that JSON can say; typed arrays become lists.
   */
  ask(
    model: ServableModel,
    question: Question,
    parameters: QuestionParameters,
    treatment: RequestTreatment,
  ): Promise<unknown>;
}

/**
 * Says why a model answers a question as it does; `explainer` of `tabserve/explain` is one.
 *
 * @param parameters - Those of the request's address, as texts.
 * @returns Something that JSON can say; typed arrays become lists.
 * @throws TabserveError `unsupported` for a model that it cannot explain.
 */
export type Explainer = (
  model: ServableModel,
  question: Question,
  parameters: QuestionParameters,
  treatment: RequestTreatment,
) => Promise<unknown>;
