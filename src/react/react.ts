/**
 * Hooks for React 18 and newer, and `<tabserve-classifier>` in JSX: `tabserve/react`.
 *
 * Components that ask for the same model share one classifier. It is loaded when the first of them is
 * mounted and destroyed when the last one goes; both happen in the browser only.
 *
 * @module tabserve/react
 * @packageDocumentation
 */
import type * as React from 'react';
import { type RefObject, useEffect, useMemo, useState } from 'react';
import type {
  Classification,
  ClassifyOptions,
  CreateOptions,
  WatchOptions,
  WatchResult,
} from '../api/types.js';
import { identityOf } from '../base/identity.js';
import type {
  TabserveClassifierAttributes,
  TabserveClassifierElement,
} from '../element/element.js';
import type { ImageClassifier, ImageSource } from '../index.js';
import { type LoadProgress, leaseClassifier } from '../leasing/shared-classifiers.js';

export type { LoadProgress } from '../leasing/shared-classifiers.js';

/** Options of {@link useClassifier}: those of `ImageClassifier.create()`. */
export type UseClassifierOptions = Omit<CreateOptions, 'signal' | 'monitor'>;

/** What {@link useClassifier} returns. */
export type ClassifierHandle = {
  /** Tries again after `failed`. */
  retry(): void;
} & (
  | {
      status: 'loading';
      classifier: null;
      error: null;
      /** How far the load is; `null` before its first byte. */
      progress: LoadProgress | null;
    }
  | { status: 'ready'; classifier: ImageClassifier; error: null; progress: null }
  | {
      status: 'failed';
      classifier: null;
      /** A `TabserveError`. */
      error: unknown;
      progress: null;
    }
);

/** A load's outcome, without what belongs to the component. */
type Outcome = ClassifierHandle extends infer Each ? Omit<Each, 'retry'> : never;

const loading = { status: 'loading', classifier: null, error: null, progress: null } as const;

/**
 * A classifier for as long as the component is mounted.
 *
 * Options may be written in place: what counts is whether they ask for the same. Other options load
 * another classifier. A load that no component waits for any more is aborted. In StrictMode, where
 * effects run twice, the model is loaded once.
 *
 * @example
 * ```tsx
 * const { classifier, status, error, progress } = useClassifier({ model: 'photos' });
 * const { classifications } = useClassification(classifier, file);
 * ```
 */
export function useClassifier(options: UseClassifierOptions = {}): ClassifierHandle {
  const key = identityOf(options);
  const same = useSame(options, key);
  const [attempt, setAttempt] = useState(0);
  const load = `${attempt} ${key}`;
  const [found, setFound] = useState<{ load: string; outcome: Outcome }>();
  useEffect(() => {
    let isCurrent = true;
    const show = (outcome: Outcome) => {
      if (isCurrent) setFound({ load, outcome });
    };
    const lease = leaseClassifier(same, (progress) => show({ ...loading, progress }));
    lease.classifier.then(
      (classifier) => show({ status: 'ready', classifier, error: null, progress: null }),
      (error: unknown) => show({ status: 'failed', classifier: null, error, progress: null }),
    );
    return () => {
      isCurrent = false;
      // What was destroyed is never handed out, also not to a component that is shown again.
      setFound(undefined);
      // Who mounts in the same moment takes the classifier over.
      setTimeout(() => lease.release());
    };
  }, [same, load]);
  return useMemo(
    () => ({
      ...(found?.load === load ? found.outcome : loading),
      retry: () => setAttempt((count) => count + 1),
    }),
    [found, load],
  ) as ClassifierHandle;
}

/** Something that holds a picture, or a ref to it. */
export type SourceOrRef<Source> = Source | RefObject<Source | null>;

/** What {@link useClassification} returns. */
export interface ClassificationState {
  /** `idle` without a classifier or a source. */
  status: 'idle' | 'running' | 'done' | 'failed';
  /** The answers for this source, best first; empty until they are there. */
  classifications: readonly Classification[];
  /** A `TabserveError`, or `null`. */
  error: unknown;
}

const idle: ClassificationState = { status: 'idle', classifications: [], error: null };
const running: ClassificationState = { ...idle, status: 'running' };

/**
 * What a picture shows. Another source or other options ask again; the former request is aborted, as
 * it is when the component goes.
 *
 * @param classifier - Of {@link useClassifier}; `null` waits.
 * @param source - A picture in any form, or a ref to an `<img>` or `<canvas>`; `null` for none.
 */
export function useClassification(
  classifier: ImageClassifier | null,
  source: SourceOrRef<ImageSource> | null | undefined,
  options: Omit<ClassifyOptions, 'signal'> = {},
): ClassificationState {
  const same = useSame(options, identityOf(options));
  const [found, setFound] = useState<{ asked: unknown; state: ClassificationState }>();
  // What is shown always belongs to what was asked last.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new object for each question
  const asked = useMemo(() => ({}), [classifier, source, same]);
  useEffect(() => {
    const picture = currentOf(source);
    if (!classifier || picture === null) return;
    const leaving = new AbortController();
    const show = (state: ClassificationState) => {
      if (!leaving.signal.aborted) setFound({ asked, state });
    };
    classifier.classify(picture, { ...same, signal: leaving.signal }).then(
      (classifications) => show({ status: 'done', classifications, error: null }),
      (error: unknown) => show({ status: 'failed', classifications: [], error }),
    );
    return () => leaving.abort();
  }, [classifier, source, same, asked]);
  if (found?.asked === asked) return found.state;
  return classifier && source ? running : idle;
}

/** What {@link useWatch} returns. */
export interface WatchState {
  /** The newest frame's answers, or `null`. */
  result: WatchResult | null;
  /** A `TabserveError`, or `null`. */
  error: unknown;
}

/**
 * What a video shows, frame after frame, while the component is mounted and the video plays. The
 * newest frame wins; each result renders the component once.
 *
 * @param video - A ref to the `<video>`, or the element.
 */
export function useWatch(
  classifier: ImageClassifier | null,
  video: SourceOrRef<HTMLVideoElement> | null | undefined,
  options: Omit<WatchOptions, 'signal'> = {},
): WatchState {
  const same = useSame(options, identityOf(options));
  const [state, setState] = useState<WatchState>({ result: null, error: null });
  useEffect(() => {
    const element = currentOf(video);
    if (!classifier || element === null) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    const follow = async () => {
      for await (const result of classifier.watch(element, { ...same, signal })) {
        if (!signal.aborted) setState({ result, error: null });
      }
    };
    follow().catch((error: unknown) => {
      if (!signal.aborted) setState({ result: null, error });
    });
    return () => {
      leaving.abort();
      setState({ result: null, error: null });
    };
  }, [classifier, video, same]);
  return state;
}

/** The former value for as long as what it asks for is the same. */
function useSame<Value>(value: Value, key: string): Value {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the value
  return useMemo(() => value, [key]);
}

function currentOf<Source>(source: SourceOrRef<Source> | null | undefined): Source | null {
  if (source === null || source === undefined) return null;
  const isRef = typeof source === 'object' && 'current' in source;
  return isRef ? (source as RefObject<Source | null>).current : (source as Source);
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'tabserve-classifier': React.DetailedHTMLProps<
        React.HTMLAttributes<TabserveClassifierElement>,
        TabserveClassifierElement
      > &
        TabserveClassifierAttributes;
    }
  }
}
