/** What the page knows, and who hears of its changes. No part of the page reads another part. */
import type { Classification, CreateOptions, ImageClassifier, ModelSource } from 'tabserve';

/** A value that tells its subscribers when it is replaced. */
export class Value<T> {
  #current: T;
  readonly #subscribers = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#current = initial;
  }

  get current(): T {
    return this.#current;
  }

  set(value: T): void {
    this.#current = value;
    for (const subscriber of [...this.#subscribers]) subscriber(value);
  }

  /** Calls `subscriber` now and after every change. */
  subscribe(subscriber: (value: T) => void): void {
    this.#subscribers.add(subscriber);
    subscriber(this.#current);
  }
}

/** A model as the user names it: of the catalogue, or files of their own. */
export interface ModelChoice {
  /** Catalogue name, or `own`. */
  key: string;
  title: string;
  source: ModelSource;
}

/** What the user asked for. What they got stands in `classifier.info`. */
export interface Settings {
  model: ModelChoice;
  device: NonNullable<CreateOptions['device']>;
  dtype: NonNullable<CreateOptions['dtype']>;
  threads: NonNullable<CreateOptions['threads']>;
}

export type Load =
  | { phase: 'starting' }
  | { phase: 'loading'; title: string; loaded: number; total: number; cached: number }
  | { phase: 'ready' }
  | { phase: 'failed'; title: string };

/** Something to classify. */
export interface Picture {
  /** For people: a file name, an address. */
  name: string;
  source: File | Blob | string | HTMLCanvasElement | HTMLVideoElement;
  /** Where it is shown. */
  origin: 'picture' | 'camera' | 'pad';
}

export type Answer =
  | { kind: 'none' }
  | { kind: 'waiting'; picture: Picture }
  | { kind: 'scores'; picture: Picture; scores: readonly Classification[] }
  | { kind: 'failed'; picture: Picture };

/** Whether the models that the page may need are here, so that the network may go. */
export type Stock = 'loading' | 'complete' | 'partial';

/** The page's whole state. */
export interface State {
  readonly settings: Value<Settings | null>;
  readonly load: Value<Load>;
  readonly stock: Value<Stock>;
  readonly classifier: Value<ImageClassifier | null>;
  readonly answer: Value<Answer>;
}

export function createState(): State {
  return {
    settings: new Value<Settings | null>(null),
    load: new Value<Load>({ phase: 'starting' }),
    stock: new Value<Stock>('loading'),
    classifier: new Value<ImageClassifier | null>(null),
    answer: new Value<Answer>({ kind: 'none' }),
  };
}
