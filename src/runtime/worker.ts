/**
 * The worker: one engine, its models, and the requests to them.
 *
 * What a request means is in `load.ts`, `run.ts` and the model's task; here is how it is begun, cancelled and
 * answered.
 */
import * as Comlink from 'comlink';
import {
  asTabserveError,
  fromErrorRecord,
  messageOf,
  TabserveError,
  toErrorRecord,
} from '../base/errors.js';
import type { ModelChange } from '../base/types.js';
import { version } from '../base/version.js';
import type { KeyQuestion, Protection } from '../model/protection/types.js';
import { guarded } from '../wire/guard.js';
import { paced } from '../wire/progress.js';
import type {
  AskRequest,
  EngineFlavour,
  EvictRequest,
  LibrarySurvey,
  LoadedModel,
  LoadRequest,
  PageApi,
  Probe,
  ProbeRequest,
  ReadyMessage,
  Reply,
  RunRequest,
  RunResult,
  StartRequest,
  WorkerApi,
} from '../wire/protocol.js';
import { isOutOfMemory } from './backend.js';
import { Engine, type EngineParts } from './engine.js';
import { evict, rollbackModel, surveyLibrary, updateModel } from './library.js';
import { type LoadedEntry, loadModel, readModel, releaseModel, type Translator } from './load.js';
import { probeModel } from './probe.js';
import { runRequest } from './run.js';
import type { ServiceHost, WorkerService } from './service.js';
import { ModelSession } from './session.js';
import type { WorkerTask } from './task.js';

/**
 * Makes this worker serve {@link WorkerApi}.
 *
 * @param parts - The engine, by its own API.
 * @param flavour - Which build of ONNX Runtime that is.
 * @param openTasks - Gives the tasks and services that this worker can do, those of the packs at these
 *   addresses included. Is called once.
 */
export function serveWorker(
  parts: EngineParts,
  flavour: EngineFlavour,
  openTasks: (packs: readonly string[]) => readonly (WorkerTask | WorkerService)[],
): void {
  // Of the worker, which is not what all that compiles this calls `self`.
  const scope = self as unknown as Comlink.Endpoint;
  Comlink.expose(new TabserveWorker(parts, openTasks), guarded(scope));
  const ready: ReadyMessage = { tabserve: 'ready', flavour, version };
  scope.postMessage(ready);
}

/** What comes with the page's first message. */
interface Started {
  engine: Engine;
  page: Comlink.Remote<PageApi>;
  tasks: readonly WorkerTask[];
  services: readonly WorkerService[];
}

class TabserveWorker implements WorkerApi {
  readonly #parts: EngineParts;
  readonly #openTasks: Parameters<typeof serveWorker>[2];
  readonly #models = new Map<number, LoadedEntry>();
  readonly #underWay = new Map<number, AbortController>();
  #started: Started | undefined;

  constructor(parts: EngineParts, openTasks: Parameters<typeof serveWorker>[2]) {
    this.#parts = parts;
    this.#openTasks = openTasks;
  }

  start(request: StartRequest): Promise<Reply<null>> {
    return reply(async () => {
      if (this.#started) throw new TabserveError('internal', 'The worker was started twice.');
      const page = Comlink.wrap<PageApi>(request.page);
      const engine = new Engine(this.#parts, request, {
        onBinary: (binary) => void page.keepBinary(binary),
        onDeviceLost: (reason) => void page.deviceLost(reason),
      });
      const all = this.#openTasks(request.packs);
      const services = all.filter((each) => 'service' in each);
      const tasks = all.filter((each) => 'checks' in each);
      this.#started = { engine, page, tasks, services };
      await holdLock(request.lockName);
      return null;
    });
  }

  load(request: LoadRequest): Promise<Reply<LoadedModel>> {
    return this.#cancellable(request.requestId, null, async (signal) => {
      const { engine } = this.#context();
      const { entry, report } = await loadModel(
        engine,
        request,
        this.#loadOptions(request.requestId, signal),
      );
      // The load's own number, so that the page can unload a model whose answer it never got.
      const modelId = request.requestId;
      if (signal.aborted) {
        await engine.exclusive(() => releaseModel(entry));
        throw signal.reason;
      }
      this.#models.set(modelId, entry);
      return { modelId, ...report };
    });
  }

  probe(request: ProbeRequest): Promise<Reply<Probe>> {
    return this.#cancellable(request.requestId, null, async (signal) =>
      probeModel(this.#context().engine, this.#model(request.modelId), request, signal),
    );
  }

  async run(request: RunRequest): Promise<Reply<RunResult>> {
    const { requestId, modelId, timeLeft } = request;
    let task: WorkerTask | undefined;
    const reply = await this.#cancellable(requestId, timeLeft, async (signal) => {
      const model = this.#model(modelId);
      const asked = request.task === null ? model : await this.#askedBy(request.task, model);
      task = asked.task;
      return runRequest(request, this.#context().engine, asked, signal);
    });
    return task?.transfer && 'value' in reply
      ? Comlink.transfer(reply, task.transfer(reply.value.answer))
      : reply;
  }

  unload(modelId: number): Promise<Reply<null>> {
    return reply(async () => {
      this.cancel(modelId);
      const model = this.#models.get(modelId);
      this.#models.delete(modelId);
      if (model) await this.#context().engine.exclusive(() => releaseModel(model));
      return null;
    });
  }

  ask({ service, request }: AskRequest): Promise<Reply<unknown>> {
    return reply(async () => {
      const asked = this.#context().services.find((each) => each.service === service);
      const problem = asked ? asked.check(request, '') : 'there is no such service';
      if (asked && problem === undefined) return asked.answer(request, this.#serviceHost());
      throw new TabserveError(
        'invalid-argument',
        `The worker was asked for "${service}": ${problem}.`,
      );
    });
  }

  survey(): Promise<Reply<LibrarySurvey>> {
    return reply(surveyLibrary);
  }

  evict(request: EvictRequest): Promise<Reply<number>> {
    return reply(() => evict(request));
  }

  rollback(source: string): Promise<Reply<ModelChange>> {
    return reply(() => rollbackModel(source));
  }

  update(request: LoadRequest): Promise<Reply<ModelChange>> {
    return this.#cancellable(request.requestId, null, async (signal) => {
      const { engine } = this.#context();
      return updateModel(engine, request, this.#loadOptions(request.requestId, signal));
    });
  }

  cancel(requestId: number): void {
    this.#underWay.get(requestId)?.abort();
  }

  completeEngine(): Promise<Reply<null>> {
    return reply(async () => {
      await this.#context().engine.complete();
      return null;
    });
  }

  finish(): Promise<Reply<null>> {
    return reply(async () => {
      await this.#started?.engine.finish();
      return null;
    });
  }

  ping(): void {}

  #model(id: number): LoadedEntry {
    const model = this.#models.get(id);
    if (model) return model;
    throw new TabserveError('destroyed', 'The model was unloaded from its worker.');
  }

  /** The model, asked by a task that takes any graph. */
  async #askedBy(name: string, model: LoadedEntry): Promise<LoadedEntry> {
    const task = this.#context().tasks.find((each) => each.takesAny && each.name === name);
    if (!task) {
      const option = name === 'explanation' ? 'explanations' : 'tensors';
      const message = `The worker cannot ask models by the task "${name}". Create the model with "${option}: true".`;
      throw new TabserveError('unsupported', message, { details: { wanted: name } });
    }
    const { manifest, session, studied, task: ownTask, opened: own } = model;
    const { inputs, outputs } = session;
    const where = manifest.name;
    const labels = Array.isArray(manifest.labels) ? manifest.labels : [];
    const { gpu } = await this.#context().engine.backend(() => undefined);
    const services = { gpu, rasteriseSvg: () => Promise.reject(new Error(where)) };
    const asked = { task: ownTask, opened: own };
    const opened = await task.open(
      { manifest, labels, inputs, outputs, where, assets: {}, own: asked, known: studied[name] },
      {},
      services,
    );
    const { discard } = task;
    const batches = model.batches.of(opened);
    const asking = { ...model, batches, opened, reported: opened.report };
    if (!discard) return { ...asking, task };
    const discarding = { ...task, discard: (payload: unknown) => discard(payload, ownTask) };
    return { ...asking, task: discarding };
  }

  #serviceHost(): ServiceHost {
    const { engine } = this.#context();
    return {
      read: (request) => {
        const { signal } = new AbortController();
        return readModel(engine, request, this.#loadOptions(request.requestId, signal));
      },
      open: async (bytes, where) => {
        const backend = await engine.backend(() => undefined);
        const session = await engine.exclusive(() =>
          ModelSession.create(backend, { bytes, external: [] }, where),
        );
        return {
          run: (feeds, outputs) => engine.exclusive(() => session.run(feeds, outputs)),
          release: () => engine.exclusive(() => session.release()),
        };
      },
    };
  }

  #loadOptions(requestId: number, signal: AbortSignal) {
    const { page, tasks, services } = this.#context();
    const protector = services.find(({ service }) => service === 'protection');
    return {
      signal,
      tasks,
      protection: (protector?.answer as Protection | undefined) ?? null,
      decryptionKey: async (question: KeyQuestion) =>
        unwrap(await page.decryptionKey(requestId, question)),
      onProgress: paced((...bytes) => void page.progress(requestId, ...bytes)),
      translator: translatorOf(page),
      rasteriseSvg: async (svg: Blob, { maxPixels }: { maxPixels: number }) =>
        unwrap(await page.rasteriseSvg(svg, maxPixels)),
    };
  }

  #context(): Started {
    if (this.#started) return this.#started;
    throw new TabserveError('internal', 'The worker was asked to work before it was started.');
  }

  async #cancellable<T>(
    requestId: number,
    timeLeft: number | null,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<Reply<T>> {
    const controller = new AbortController();
    // The page keeps the deadline too; here it spares work whose answer nobody awaits any more,
    // even when the page's cancellation is stuck behind a run that blocks this thread.
    const timer =
      timeLeft === null
        ? undefined
        : setTimeout(
            () =>
              controller.abort(new TabserveError('timeout', 'The request timed out in the queue.')),
            timeLeft,
          );
    this.#underWay.set(requestId, controller);
    const answer = await reply(() => task(controller.signal));
    clearTimeout(timer);
    this.#underWay.delete(requestId);
    return answer;
  }
}

/** Runs `task` and writes its error down, of which comlink would lose half. */
async function reply<T>(task: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    return { error: toErrorRecord(typed(error)) };
  }
}

function translatorOf(page: Comlink.Remote<PageApi>): Translator {
  return {
    embedded: async (name) => unwrap(await page.embedded(name)),
    given: async (request, task) => unwrap(await page.given(request, task)),
    expectManifest: () => void page.expectManifest(),
    validate: async (value, where) => unwrap(await page.validate(value, where)),
    translate: async (request) => unwrap(await page.translate(request)),
    complete: async (request) => unwrap(await page.complete(request)),
    labels: async (bytes, where) => unwrap(await page.labels(bytes, where)),
    explain: async (error, start) => unwrap(await page.explain(toErrorRecord(error), start)),
  };
}

/** Every error that leaves the worker has a code, but for aborts, which the page answers itself. */
function typed(error: unknown): unknown {
  if (error instanceof DOMException && error.name === 'AbortError') return error;
  const message = messageOf(error);
  return error instanceof RangeError && isOutOfMemory(message)
    ? asTabserveError(error, 'out-of-memory', `There is not enough memory: ${message}`)
    : asTabserveError(error, 'internal', `Something unexpected happened: ${message}`);
}

function unwrap<T>(answer: Reply<T>): T {
  if ('error' in answer) throw fromErrorRecord(answer.error);
  return answer.value;
}

/**
 * Takes a Web Lock and keeps it until this worker dies. Where Web Locks are not to be had, the page
 * goes without that signal.
 */
async function holdLock(name: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const { locks } = navigator;
    if (!locks) return resolve();
    const held = locks.request(name, () => {
      resolve();
      return new Promise(() => undefined);
    });
    held.catch(() => resolve());
  });
}
