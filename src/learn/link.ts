/** The page's way to the learning in a worker. */

import type { CreateOptions } from '../index.js';
import { internals } from '../index.js';
import type { JobProgress, JobResult, LearnAnswers, LearnRequest } from './types.js';

type ServiceLink = ReturnType<typeof internals.openService>;
type ServiceOptions = Parameters<typeof internals.openService>[0];
type AnswerOf<Request extends LearnRequest> = LearnAnswers[Request['kind']];

/** How long work is followed. */
export interface FollowOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: JobProgress) => void) | undefined;
}

/** Where tabserve's files are. */
export type TrainerAssets = Pick<CreateOptions, 'workerUrl' | 'wasmUrl' | 'modelsUrl' | 'cdn'>;

let nextNumber = 1;

/** A number for a data set or a job. */
export function newNumber(): number {
  return nextNumber++;
}

/** A share in the worker that learns. */
export class LearnLink {
  readonly #link: ServiceLink;

  constructor(options: Omit<ServiceOptions, 'service' | 'pack'>) {
    this.#link = internals.openService({ ...options, service: 'learn', pack: 'learn' });
  }

  async ask<Request extends LearnRequest>(request: Request): Promise<AnswerOf<Request>> {
    return (await this.#link.ask(request)) as AnswerOf<Request>;
  }

  /**
   * Does a job to its end. Between its slices the worker answers others.
   *
   * @throws TabserveError what the job ends in; the signal's reason, after which the job is gone.
   */
  async follow(
    job: number,
    begin: LearnRequest,
    { signal, onProgress }: FollowOptions,
  ): Promise<JobResult> {
    signal?.throwIfAborted();
    await this.ask(begin);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const step = await this.ask({ kind: 'advance', job });
        if (step.done) {
          onProgress?.({ stage: step.result.kind === 'network' ? 'train' : 'fit', done: 1 });
          return step.result;
        }
        onProgress?.(step.progress);
      }
    } catch (error) {
      this.ask({ kind: 'stop', job }).catch(() => undefined);
      throw error;
    }
  }

  close(): void {
    this.#link.close();
  }
}

/** Does something by a link of its own. */
export async function withLink<Answer>(
  { workerUrl, wasmUrl, modelsUrl, cdn }: TrainerAssets,
  task: (link: LearnLink) => Promise<Answer>,
): Promise<Answer> {
  const link = new LearnLink({
    threads: 1,
    ...(workerUrl !== undefined && { workerUrl }),
    ...(wasmUrl !== undefined && { wasmUrl }),
    ...(modelsUrl !== undefined && { modelsUrl }),
    ...(cdn !== undefined && { cdn }),
  });
  try {
    return await task(link);
  } finally {
    link.close();
  }
}
