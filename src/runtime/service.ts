/**
 * What a worker does beside running models: it answers questions that need no engine. A pack brings it,
 * as it brings tasks.
 */
import type { Check } from '../base/shape.js';

/** Answers questions of one kind. What it knows lives as long as the worker. */
export interface WorkerService<Request = unknown, Answer = unknown> {
  /** Is no task's name. */
  readonly service: string;
  /** What a request may look like. Whatever does not pass never reaches {@link answer}. */
  readonly check: Check;
  /** @throws TabserveError */
  answer(request: Request): Answer | Promise<Answer>;
}
