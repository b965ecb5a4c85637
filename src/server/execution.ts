/** One request to one version: asked, timed, counted. */
import type { StageTimings } from '../base/types.js';
import { asServerError, clientClosedRequest, ServerError } from './http/errors.js';
import type { ModelVersion } from './model-version.js';
import type { Question, RequestTreatment, ServableModel } from './servable.js';
import {
  type FailureReason,
  modelTimings,
  type Stage,
  type Timings,
  type VersionStatistics,
} from './statistics.js';

/** What a request's headers want. */
export interface Wishes {
  signal: AbortSignal;
  /** When the server was given it, by `performance.now()`. */
  began: number;
  /** Milliseconds from then on; `undefined` for as many as it takes. */
  timeout: number | undefined;
}

/** What its body wants. */
export interface QuestionWishes {
  /** How many rows, pictures or texts. */
  items: number;
  /** Of this and the headers' the shorter one holds. @default the headers' */
  timeout?: number | undefined;
  /** @default 'normal' */
  priority?: RequestTreatment['priority'];
  /** What it asks, where that is no tensors. */
  question?: Question;
}

/** A request under way: its model stays loaded. */
export interface Execution {
  readonly model: ServableModel;
  /** Tokens of the texts that were read; 0 where nobody counts them. */
  readonly tokens: () => number;
  /** Asks the model. Is called once; what comes before is reading, what comes after is writing. */
  ask<Answer>(
    wishes: QuestionWishes,
    ask: (treatment: RequestTreatment) => Promise<Answer>,
  ): Promise<Answer>;
}

/** What an {@link Executor} tells of every request. */
export interface Executed {
  version: ModelVersion;
  /** `null` for success. */
  error: ServerError | null;
  timings: Timings;
  began: number;
  /** What the model said; `undefined` where it failed. */
  answer?: unknown;
  question?: Question | undefined;
}

/** Runs requests. */
export class Executor {
  readonly #statistics: (version: ModelVersion) => VersionStatistics;
  readonly #onExecuted: (executed: Executed) => void;
  readonly #heard = new WeakSet<ServableModel>();
  /** What models have reported of requests under way, by the requests' ids. */
  readonly #reports = new Map<string, Report>();
  #nextId = 1;

  constructor(
    statistics: (version: ModelVersion) => VersionStatistics,
    onExecuted: (executed: Executed) => void,
  ) {
    this.#statistics = statistics;
    this.#onExecuted = onExecuted;
  }

  /**
   * Has a request answered by a version, which is loaded for that if need be.
   *
   * @throws ServerError
   */
  async run(
    version: ModelVersion,
    { signal, began, timeout }: Wishes,
    answer: (execution: Execution) => Promise<Response>,
  ): Promise<Response> {
    const timings: Timings = {};
    const statistics = this.#statistics(version);
    const deadline = new Deadline(signal, began);
    let asked: QuestionWishes = { items: 1 };
    let said: unknown;
    const report: Report = { timings: {}, tokens: 0 };
    let answered = began;
    try {
      deadline.set(timeout);
      const response = await version.use(
        (model) =>
          answer({
            model,
            tokens: () => report.tokens,
            ask: async (wishes, ask) => {
              asked = wishes;
              deadline.set(wishes.timeout);
              timings.parse = performance.now() - began;
              const value = await this.#ask(model, deadline, wishes, report, ask);
              Object.assign(timings, report.timings);
              answered = performance.now();
              said = value;
              return value;
            },
          }),
        deadline.signal,
      );
      const ended = performance.now();
      timings.write = ended - answered;
      timings.total = ended - began;
      statistics.succeeded(timings, asked.items);
      const { question } = asked;
      this.#onExecuted({ version, error: null, timings, began, answer: said, question });
      return response;
    } catch (thrown) {
      const error = asServerError(deadline.explained(thrown), signal);
      timings.total = performance.now() - began;
      statistics.failed(reasonOf(error), timings.total);
      this.#onExecuted({ version, error, timings, began });
      throw error;
    } finally {
      deadline.end();
    }
  }

  async #ask<Answer>(
    model: ServableModel,
    deadline: Deadline,
    { priority = 'normal' }: QuestionWishes,
    report: Report,
    ask: (treatment: RequestTreatment) => Promise<Answer>,
  ): Promise<Answer> {
    const id = `http-${this.#nextId++}`;
    this.#listen(model);
    this.#reports.set(id, report);
    try {
      const left = deadline.left();
      const { signal } = deadline;
      const treatment = { id, signal, priority, ...(left !== undefined && { timeout: left }) };
      return await ask(treatment);
    } finally {
      this.#reports.delete(id);
    }
  }

  #listen(model: ServableModel): void {
    if (this.#heard.has(model)) return;
    this.#heard.add(model);
    model.addEventListener?.('request', (event) => {
      const { id, timings, preprocessing } = (event as RequestEvent).detail;
      // Several texts of one request are told apart by what follows a dot.
      const report = this.#reports.get(id.split('.')[0] ?? id);
      if (!report) return;
      report.tokens += preprocessing?.tokens ?? 0;
      for (const [stage, time] of Object.entries(modelTimings(timings)) as [Stage, number][])
        report.timings[stage] = (report.timings[stage] ?? 0) + time;
    });
  }
}

/** What a model has reported of a request, all its parts together. */
interface Report {
  timings: Timings;
  tokens: number;
}

/** A model's `request` event. */
type RequestEvent = CustomEvent<{
  id: string;
  timings: StageTimings;
  preprocessing?: { tokens?: number };
}>;

/** The time that a request has, counted from when the server was given it. */
class Deadline {
  readonly #began: number;
  #signal: AbortSignal;
  /** There once the time is bounded. */
  #late: AbortController | undefined;
  #timeout: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(signal: AbortSignal, began: number) {
    this.#began = began;
    this.#signal = signal;
  }

  /** Aborts when the request does, or the time is up that was set before. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Bounds it. Of several bounds the shortest holds. */
  set(timeout: number | undefined): void {
    if (timeout === undefined || timeout >= (this.#timeout ?? Infinity)) return;
    this.#timeout = timeout;
    clearTimeout(this.#timer);
    const left = this.left();
    if (!this.#late) {
      this.#late = new AbortController();
      this.#signal = AbortSignal.any([this.#signal, this.#late.signal]);
    }
    this.#timer = setTimeout(() => this.#late?.abort(this.#error()), left);
  }

  /** Milliseconds that are left. @throws ServerError 504 when there are none. */
  left(): number | undefined {
    if (this.#timeout === undefined) return undefined;
    const left = this.#began + this.#timeout - performance.now();
    if (left <= 0) throw this.#error();
    return left;
  }

  /** The error to tell, for what was thrown when the time was up. */
  explained(thrown: unknown): unknown {
    const late = this.#late?.signal;
    return late?.aborted && thrown === late.reason ? this.#error() : thrown;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #error(): ServerError {
    return new ServerError(504, `There was no answer within ${this.#timeout} ms.`);
  }
}

function reasonOf({ status }: ServerError): FailureReason {
  if (status === clientClosedRequest) return 'CANCELED';
  if (status === 429 || status === 504) return 'REJECTED';
  return status >= 500 ? 'BACKEND' : 'OTHER';
}
