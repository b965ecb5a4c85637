/** From a model's name to a session. */
import { untilAborted } from '../base/abort.js';
import { deferred } from '../base/deferred.js';
import { isTabserveError, TabserveError } from '../base/errors.js';
import type { Finding } from '../base/probe.js';
import type { Fallback } from '../base/types.js';
import type { BytesListener } from '../model/download.js';
import { download } from '../model/download.js';
import { unlistedData } from '../model/external-data.js';
import type { FilesRequest, GivenFiles } from '../model/given.js';
import { translationFor } from '../model/languages.js';
import { Library } from '../model/library.js';
import type {
  CoreManifest,
  FileReference,
  LabelSet,
  ModelDtype,
  ModelFile,
  TensorTest,
} from '../model/manifest-core.js';
import { type Obtained, obtain } from '../model/obtain.js';
import { withOutputs } from '../model/onnx/outputs.js';
import { type Skeleton, skeletonOf } from '../model/onnx/skeleton.js';
import { firstOf } from '../model/places.js';
import type { KeyQuestion, Protection } from '../model/protection/types.js';
import { selectFile } from '../model/select.js';
import { type ResolvedModel, type ResolveOptions, resolveModel } from '../model/source.js';
import { openStore } from '../model/store/open.js';
import type {
  CompleteRequest,
  Completion,
  LabelFile,
  TranslateRequest,
  Translation,
} from '../model/translation.js';
import { type ProgressListener, ProgressTotal } from '../wire/progress.js';
import type { LoadedModel, LoadRequest } from '../wire/protocol.js';
import type { Backend } from './backend.js';
import { Batches } from './batches.js';
import type { Engine } from './engine.js';
import { recall, remember } from './findings.js';
import { CaptureTrial } from './graph-capture.js';
import { tensorTests } from './self-test.js';
import type { ReadModel } from './service.js';
import { type GraphFiles, ModelSession } from './session.js';
import type { OpenedTask, TaskServices, WorkerTask } from './task.js';

/** Whether this script's build of the engine computes on a GPU. The build puts it in. */
declare const __ENGINE_HAS_GPU__: boolean;

/** A model in this worker. */
export interface LoadedEntry {
  session: ModelSession;
  /** Its runs for requests. */
  batches: Batches;
  /** Whether its runs should be recorded ones; `null` where that is out of the question. */
  capture: CaptureTrial | null;
  /** What the model is for, and that task with this model. */
  task: WorkerTask;
  opened: OpenedTask;
  manifest: CoreManifest;
  /** Of the file's weights. */
  dtype: ModelDtype;
  /** What tasks that take any model have kept of its graph, by their names. */
  studied: Readonly<Record<string, unknown>>;
  /** The tests that its author recorded of this file. */
  tests: readonly TensorTest[];
  /** Reads a file that the manifest names. */
  read: (url: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** What the task said of its preprocessing when it was opened. */
  reported: unknown;
  /** What did not work about keeping the model for the next visit, once that is known. */
  late: readonly Fallback[];
  /** Writes down what came of a comparison. Only where that can be known again. */
  remember?: (finding: Finding) => Promise<void>;
}

/** What the page does to descriptions of models that others wrote. */
export interface Translator {
  /** The manifest of an embedded model; `null` where there is none of that name. */
  embedded(name: string): Promise<CoreManifest | null>;
  /** Looks through files that were given together. */
  given(request: FilesRequest, task: string | null): Promise<GivenFiles>;
  /** A manifest is on its way to {@link validate}. */
  expectManifest(): void;
  validate(value: unknown, where: string): Promise<CoreManifest>;
  translate(request: TranslateRequest): Promise<Translation>;
  complete(request: CompleteRequest): Promise<Completion>;
  /** Reads a label file. */
  labels(bytes: Uint8Array, where: string): Promise<LabelSet>;
  /** Rejects with a better error for a model that the engine refused, or with that error. */
  explain(error: unknown, start: Uint8Array): Promise<never>;
}

/** Options of {@link loadModel}. */
export interface LoadOptions {
  signal: AbortSignal;
  onProgress: ProgressListener;
  /** What models may be for. */
  tasks: readonly WorkerTask[];
  rasteriseSvg: TaskServices['rasteriseSvg'];
  /** What the worker's pack does about protected packages; `null` where it has none. */
  protection: Protection | null;
  /** Asks the page for the key of an encrypted model. */
  decryptionKey(question: KeyQuestion): Promise<CryptoKey>;
  /** The page's translator of other descriptions of models. */
  translator: Translator;
  /** Look past what is installed, for a newer version. @default false */
  fresh?: boolean;
  /** Return only when the model is in the store. @default false: it is put there after the first answer */
  untilKept?: boolean;
  /** What a new version must pass before it is installed. @default nothing */
  check?: (entry: LoadedEntry, resolved: ResolvedModel) => Promise<void>;
}

/** What {@link loadModel} gives. */
export interface LoadResult {
  entry: LoadedEntry;
  report: Omit<LoadedModel, 'modelId'>;
}

/**
 * Loads a model: the engine's binary, the manifest and the weights side by side, then the session,
 * then its task, then, on WebGPU, one run on the task's sample.
 *
 * A model that is installed is loaded without the network. If its files are gone from the store and
 * have changed where they came from, it is looked up anew.
 *
 * @throws TabserveError of every kind that loading can end in; the signal's reason when aborted.
 */
export async function loadModel(
  engine: Engine,
  request: LoadRequest,
  options: LoadOptions,
): Promise<LoadResult> {
  const load = new Load(engine, request, options);
  try {
    return await load.run();
  } catch (error) {
    const isOutdated =
      isTabserveError(error, 'integrity') || isTabserveError(error, 'model-not-found');
    if (!load.isFromLibrary || !isOutdated) throw error;
    return await new Load(engine, request, { ...options, fresh: true }).run();
  }
}

/**
 * Reads a model's manifest and its file. The engine is asked only where the manifest leaves something to
 * the graph.
 *
 * @throws TabserveError as {@link loadModel}.
 */
export function readModel(
  engine: Engine,
  request: LoadRequest,
  options: LoadOptions,
): Promise<ReadModel> {
  return new Load(engine, request, options).read();
}

/** Frees what a model holds. To be called when the engine is free. */
export async function releaseModel({ session, opened }: LoadedEntry): Promise<void> {
  opened.close?.();
  await session.release();
}

type Clear = Pick<Obtained, 'bytes'>;

/** A session, and what tasks that take any model have kept of its graph. */
interface CreatedSession {
  session: ModelSession;
  students: readonly { name: string; known: unknown; values: readonly string[] }[];
  /** What messages call the model. */
  where: string;
  /** Milliseconds. */
  time: number;
}

/** One of these bytes, which were not verified yet. */
interface EarlySession extends CreatedSession {
  bytes: Uint8Array<ArrayBuffer>;
  completed: readonly Fallback[];
}

/** One load, from beginning to end. */
class Load {
  /** Whether the manifest is one that was kept, and may be outdated. */
  isFromLibrary = false;
  readonly #engine: Engine;
  readonly #request: LoadRequest;
  readonly #options: LoadOptions;
  readonly #began = performance.now();
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #progress: ProgressTotal<'engine' | 'model'>;
  /** Servers or disks have been asked for the model. */
  readonly #asked = deferred<void>();
  /** The graph's bytes are here, and not verified yet. */
  readonly #whole = deferred<Uint8Array<ArrayBuffer>>();

  constructor(engine: Engine, request: LoadRequest, options: LoadOptions) {
    this.#engine = engine;
    this.#request = request;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#failed.signal]);
    this.#progress = new ProgressTotal(['engine', 'model'], options.onProgress);
  }

  async run(): Promise<LoadResult> {
    try {
      return await this.#run();
    } catch (error) {
      this.#asked.resolve();
      // The parts that have not failed need not go on.
      this.#failed.abort();
      this.#engine.later(async () => undefined);
      throw error;
    }
  }

  async #run(): Promise<LoadResult> {
    const isGpu = this.#engine.config.device === 'webgpu';
    const starting = this.#engine
      .backend(
        (...bytes) => this.#progress.set('engine', ...bytes),
        // What a GPU can do decides which file is asked for.
        isGpu ? undefined : this.#asked.promise,
        this.#isOwn,
      )
      .then((backend) => ({ backend, time: this.#elapsed() }));
    // Awaited below; until then its failure must not count as unhandled.
    starting.catch(() => undefined);

    const { store, library, resolved } = await this.#resolve();
    const abilities = isGpu
      ? (await starting).backend.abilities
      : ({ device: 'wasm', fp16: true } as const);
    const file = selectFile(resolved.manifest, this.#request.dtype, abilities);
    const obtaining = this.#obtainAll(resolved, file).then((got) => ({
      ...got,
      time: this.#elapsed(),
    }));
    const isAsked = () => this.#asked.resolve();
    obtaining.then(isAsked, isAsked);
    void this.#asked.promise.then(() => this.#opener(resolved)?.begin?.());
    const early = this.#createEarly(starting, resolved, file, obtaining);
    const [
      { backend, time: engineTime },
      { parts, clear, skeleton, complete, time: modelTime },
      { language, translated },
    ] = await Promise.all([starting, obtaining, this.#translation(resolved)]).catch(
      (error: unknown) => {
        // Whoever hears of the failure need not wait for that.
        void early.then((ready) => this.#giveUp(ready)).catch(() => undefined);
        throw error;
      },
    );

    const beside = (await resolved.beside) ?? [];
    const [graph] = clear;
    const ready = await early;
    const isRight = ready !== undefined && ready.bytes === graph?.bytes;
    if (!isRight) await this.#giveUp(ready);
    const completed = isRight ? ready.completed : await this.#complete(graph?.bytes);
    const { entry, manifest, labels, assumed, timings } = await this.#engine.exclusive(() =>
      this.#start(
        backend,
        resolved,
        complete,
        clear,
        skeleton,
        beside,
        translated,
        isRight ? ready : undefined,
      ),
    );
    try {
      await this.#options.check?.(entry, resolved);
    } catch (error) {
      await this.#engine.exclusive(() => releaseModel(entry));
      throw error;
    }
    let finding: Finding | null = null;
    if (__ENGINE_HAS_GPU__ && store && backend.gpu) {
      const files = parts.map(({ sha256 }) => sha256);
      const build = 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
      const subject = { files, adapter: backend.adapter, build };
      finding = (await recall(store, subject)) ?? null;
      entry.remember = (found) => remember(store, subject, found);
    }
    const keeping = Promise.all(parts.map((part) => part.kept)).then(async (kept) => {
      entry.late = kept.flat();
      if (!library || entry.late.length > 0) return;
      await install(library, resolved, manifest, assumed, complete, parts);
    });
    this.#engine.keep(keeping);
    if (this.#options.untilKept) await keeping;
    return {
      entry,
      report: {
        manifest: entry.manifest,
        labels,
        language,
        inputs: entry.session.inputs,
        outputs: entry.session.outputs,
        dtype: file.dtype,
        computeDtype: entry.session.isWidened ? 'fp32' : file.dtype,
        file: file.url,
        bytes: parts.reduce((sum, { bytes }) => sum + bytes.length, 0),
        from: parts.every((part) => part.from === 'store')
          ? 'store'
          : (parts[0]?.from ?? 'network'),
        fallbacks: [
          ...backend.fallbacks,
          ...completed,
          ...resolved.fallbacks,
          ...assumed,
          ...entry.session.fallbacks,
          ...parts.flatMap((part) => part.fallbacks),
        ],
        adapter: backend.adapter,
        finding,
        hasSelfTest: entry.tests.length > 0,
        report: entry.reported,
        timings: { engine: engineTime, model: modelTime, ...timings },
      },
    };
  }

  async read(): Promise<ReadModel> {
    const { resolved } = await this.#resolve();
    const { manifest, open, locate } = resolved;
    if (manifest.encryption) {
      throw new TabserveError(
        'unsupported',
        `"${manifest.name}" is encrypted, and what is derived from its graph would be stored unencrypted.`,
        { details: { model: manifest.name } },
      );
    }
    const wasm = { device: 'wasm', fp16: true } as const;
    const file = selectFile(manifest, this.#request.dtype, wasm);
    const { parts, skeleton } = await this.#obtainAll(resolved, file);
    const [graph] = parts;
    if (!graph) throw new TabserveError('internal', 'A model without files was let through.');
    if (open === 'nothing') return { manifest, graph: graph.bytes };
    const backend = await this.#engine.backend(() => undefined);
    const location = locate(file.url);
    const where = typeof location === 'string' ? location : file.url;
    return this.#engine.exclusive(async () => {
      const session = await ModelSession.create(
        backend,
        { bytes: graph.bytes, external: [] },
        where,
      );
      const { inputs, outputs } = session;
      await session.release();
      const complete = await this.#options.translator.complete({
        manifest,
        open,
        inputs,
        outputs,
        graph: skeleton?.write() ?? null,
        where,
      });
      return { manifest: complete.manifest, graph: graph.bytes };
    });
  }

  /** Whether the model is none of the catalogue. */
  get #isOwn(): boolean {
    return this.#request.model.kind !== 'name';
  }

  /** Gets what the engine lacks for a model. */
  #complete(graph: Uint8Array | undefined): Promise<readonly Fallback[]> {
    return graph ? this.#engine.completeFor(graph, this.#isOwn) : Promise.resolve([]);
  }

  /**
   * Creates the session while the file is still being verified, which another thread does. Nothing is
   * run before that is done.
   *
   * @param obtaining - Settles when it is.
   * @returns `undefined` where there is nothing to gain, and where it failed: then it is done again, with
   *   bytes that were verified. Never rejects.
   */
  async #createEarly(
    starting: Promise<{ backend: Backend }>,
    resolved: ResolvedModel,
    file: ModelFile,
    obtaining: Promise<unknown>,
  ): Promise<EarlySession | undefined> {
    const { manifest, signed, open } = resolved;
    const isAlone = file.external === undefined && manifest.assets === undefined;
    const isProtected = signed !== undefined || manifest.encryption !== undefined;
    if (open !== 'nothing' || !isAlone || isProtected) return undefined;
    const nothing = obtaining.then(
      () => undefined,
      () => undefined,
    );
    try {
      const { backend } = await starting;
      const bytes = await Promise.race([this.#whole.promise, nothing]);
      if (!bytes) return undefined;
      const completed = await this.#complete(bytes);
      const created = await this.#engine.exclusive(() =>
        this.#createSession(backend, resolved, file, [{ bytes }]),
      );
      return { ...created, bytes, completed };
    } catch {
      return undefined;
    }
  }

  /** Releases a session that was created in vain. */
  async #giveUp(early: EarlySession | undefined): Promise<void> {
    if (early) await this.#engine.exclusive(() => early.session.release());
  }

  /** What the request names, and where such models are kept. */
  async #resolve() {
    const { store } = await openStore();
    const library = store && new Library(store);
    const { fresh = false, translator } = this.#options;
    const { hubUrl, stallTimeout, local } = this.#request;
    const resolved = await resolveModel(this.#request.model, {
      library,
      hubUrl,
      task: this.#request.task,
      fresh,
      signal: this.#signal,
      stallTimeout,
      embedded: translator.embedded,
      given: translator.given,
      expectManifest: translator.expectManifest,
      validate: translator.validate,
      readLabels: translator.labels,
      local,
      translate: translator.translate,
      verify: this.#verifier(),
    });
    this.isFromLibrary = resolved.installed;
    return { store, library, resolved };
  }

  /**
   * All files of the model: the graph, then its external data, also what only the graph itself names,
   * then the task's.
   */
  async #obtainAll(resolved: ResolvedModel, file: ModelFile) {
    const { external = [] } = file;
    const { assets = {} } = resolved.manifest;
    const listed = [file, ...external, ...Object.values(assets)];
    const parts = await this.#obtain(resolved, listed);
    const clear = await this.#decrypted(resolved, listed, parts);
    const skeleton = clear[0] && skeletonOf(clear[0].bytes);
    const more = unlistedData(file, skeleton?.locations ?? []);
    if (more.length === 0) return { parts, clear, skeleton, complete: file };
    if (resolved.signed !== undefined || resolved.manifest.encryption) {
      throw new TabserveError(
        'integrity',
        `The graph of "${resolved.manifest.name}" names the file "${more[0]?.path}", which its protected manifest does not. List it in "external", and pack the model again.`,
        { details: { model: resolved.manifest.name, file: more[0]?.path ?? null } },
      );
    }
    const found = await this.#obtain(resolved, more);
    for (const each of new Set([parts, clear])) each.splice(1 + external.length, 0, ...found);
    return { parts, clear, skeleton, complete: { ...file, external: [...external, ...more] } };
  }

  /** The files as the model's author had them. What is kept stays encrypted. */
  async #decrypted(
    { manifest }: ResolvedModel,
    references: readonly FileReference[],
    parts: Obtained[],
  ): Promise<Obtained[]> {
    const { encryption, name, version } = manifest;
    if (!encryption) return parts;
    const { protection, decryptionKey } = this.#options;
    const { keyId } = encryption;
    if (!protection) {
      throw new TabserveError(
        'key-missing',
        `"${name}" is encrypted with the key "${keyId}". Create it with the option "decryptionKey".`,
        { details: { model: name, keyId } },
      );
    }
    const question: KeyQuestion = {
      model: name,
      version,
      keyId,
      ...(encryption.expires !== undefined && { expires: encryption.expires }),
    };
    const key = await untilAborted(decryptionKey(question), this.#signal);
    return Promise.all(
      parts.map(async (part, at) => {
        const { url = '' } = references[at] ?? {};
        const about = { model: name, version, url, encryption };
        const bytes = await protection({ kind: 'decrypt', bytes: part.bytes, about, key });
        this.#signal.throwIfAborted();
        return { ...part, bytes: bytes as Uint8Array<ArrayBuffer> };
      }),
    );
  }

  /** Verifies signatures; `null` where the page wants none. */
  #verifier(): ResolveOptions['verify'] {
    const { signedBy } = this.#request;
    const { protection } = this.#options;
    if (!signedBy) return null;
    return async (given, where) => {
      if (!protection) throw new TabserveError('internal', 'The worker lacks the pack "protect".');
      const { signed: value, kept = null } = given ?? { signed: undefined };
      await protection({ kind: 'verify', value, kept, keys: signedBy, where });
    };
  }

  /** The labels in another language, where one is wanted that the model has. */
  async #translation(
    resolved: ResolvedModel,
  ): Promise<{ language: string; translated: LabelSet | undefined }> {
    const { language, file } = translationFor(resolved.manifest, this.#request.lang);
    if (!file) return { language, translated: undefined };
    // Beside megabytes of weights it is too small to be part of the progress.
    const [part] = await this.#obtain(resolved, [file], () => undefined);
    const bytes = part?.bytes ?? new Uint8Array();
    return { language, translated: await this.#options.translator.labels(bytes, file.url) };
  }

  /** Files of the model, in their order. */
  #obtain(
    resolved: ResolvedModel,
    files: readonly FileReference[],
    onProgress: BytesListener = (...bytes) => this.#progress.set('model', ...bytes),
  ): Promise<Obtained[]> {
    const progress = new ProgressTotal(
      files.map(({ url }) => url),
      onProgress,
    );
    return Promise.all(
      files.map(async (each, index) => {
        const location = resolved.locate(each.url);
        const mirrors = typeof location === 'string' ? this.#request.mirrors[location] : undefined;
        const { value, fallbacks } = await firstOf(
          [location, ...(mirrors ?? [])],
          (place) =>
            obtain(place, {
              expected: each,
              signal: this.#signal,
              onProgress: (...bytes) => progress.set(each.url, ...bytes),
              onAsked: () => this.#asked.resolve(),
              ...(index === 0 && { onWhole: this.#whole.resolve }),
              ...(!this.#options.untilKept && { keepAfter: this.#engine.calm }),
              keep: resolved.keep,
              stallTimeout: this.#request.stallTimeout,
              local: this.#request.local,
              ...(resolved.otherOrigin && { otherOrigin: true }),
            }),
          this.#signal,
        );
        return { ...value, fallbacks: [...fallbacks, ...value.fallbacks] };
      }),
    );
  }

  /** The task that is asked for; `undefined` where this worker has none of that name. */
  #opener({ manifest }: ResolvedModel): WorkerTask | undefined {
    const wanted = this.#request.task ?? manifest.task;
    return this.#options.tasks.find(({ name }) => name === wanted);
  }

  /** @param parts - The graph, and then its external data. */
  async #createSession(
    backend: Backend,
    resolved: ResolvedModel,
    file: ModelFile,
    parts: readonly Clear[],
  ): Promise<CreatedSession> {
    const [graph, ...rest] = parts;
    if (!graph) throw new TabserveError('internal', 'A model without files was let through.');
    const location = resolved.locate(file.url);
    const where = typeof location === 'string' ? location : file.url;
    const plain = this.#opener(resolved)?.rewrite?.(graph.bytes) ?? graph.bytes;
    const students = this.#options.tasks.flatMap(({ name, study }) => {
      const found = study?.(plain);
      return found ? [{ name, ...found }] : [];
    });
    const values = students.flatMap((each) => each.values);
    const files: GraphFiles = {
      bytes: values.length > 0 ? withOutputs(plain, values) : plain,
      hidden: values,
      weightsOnly: file.weightsOnly,
      external: (file.external ?? []).map(({ path }, index) => ({
        path,
        data: (rest[index] as Clear).bytes,
      })),
    };
    const began = this.#elapsed();
    const session = await ModelSession.create(backend, files, where);
    return { session, students, where, time: this.#elapsed() - began };
  }

  async #start(
    backend: Backend,
    resolved: ResolvedModel,
    file: ModelFile,
    parts: readonly Obtained[],
    skeleton: Skeleton | undefined,
    beside: readonly LabelFile[],
    translated: LabelSet | undefined,
    early: CreatedSession | undefined,
  ) {
    const { manifest, open, locate, otherOrigin } = resolved;
    if (this.#signal.aborted) {
      await early?.session.release();
      throw this.#signal.reason;
    }
    const [graph, ...rest] = parts;
    if (!graph) throw new TabserveError('internal', 'A model without files was let through.');
    const { translator } = this.#options;
    const { session, students, where, time } =
      early ??
      (await this.#createSession(backend, resolved, file, parts).catch((error: unknown) =>
        translator.explain(error, graph.bytes.slice(0, 64)),
      ));
    let opened: OpenedTask | undefined;
    try {
      const { inputs, outputs } = session;
      const { manifest: complete, fallbacks: assumed } =
        open === 'nothing'
          ? { manifest, fallbacks: [] }
          : await translator.complete({
              manifest,
              open,
              inputs,
              outputs,
              graph: skeleton?.write() ?? null,
              beside,
              where,
            });
      const { task, taken } = this.#taskOf(complete);
      const labels = labelsOf(complete);
      const shown = shownLabels(complete, labels, translated);
      const assets = assetsOf(complete, rest);
      opened = await task.open(
        { manifest: taken, labels, shown, inputs, outputs, where, assets },
        settingsFor(task, this.#request.settings),
        { gpu: backend.gpu, rasteriseSvg: this.#options.rasteriseSvg },
      );
      const { outputs: wanted, sample } = opened;
      const warmUpBegan = this.#elapsed();
      const warmUp = () => session.warmUp(sample, wanted);
      // On WASM the first request's run does as well, if it comes at once; on WebGPU a run also
      // shows whether the GPU can do it at all.
      if (this.#engine.config.device === 'webgpu') await warmUp();
      this.#engine.later(warmUp);
      this.#signal.throwIfAborted();
      const timings = {
        session: time,
        warmup: this.#elapsed() - warmUpBegan,
      };
      const studied = Object.fromEntries(students.map(({ name, known }) => [name, known]));
      const { dtype } = file;
      const isGpu = backend.gpu !== null;
      const batches = new Batches(this.#engine, { session, opened, dtype, isGpu });
      const capture =
        __ENGINE_HAS_GPU__ && session.isRecordable
          ? new CaptureTrial(this.#engine, { session, opened, dtype })
          : null;
      const entry: LoadedEntry = {
        session,
        batches,
        capture,
        task,
        opened,
        manifest: taken,
        dtype,
        studied,
        tests: tensorTests(complete, file.url),
        read: async (url, signal) =>
          new Uint8Array(await download(locate(url), { signal, otherOrigin })),
        reported: opened.report,
        late: [],
      };
      return { entry, manifest: complete, labels, assumed, timings };
    } catch (error) {
      opened?.close?.();
      await session.release();
      throw error;
    }
  }

  /** What opens the model, and the manifest that it takes. */
  #taskOf(manifest: CoreManifest): { task: WorkerTask; taken: CoreManifest } {
    const { name, task } = manifest;
    const { task: wanted } = this.#request;
    const found = this.#options.tasks.find((each) => each.name === (wanted ?? task));
    const taken = found?.name === task ? manifest : found?.adopt?.(manifest);
    if (found && taken) return { task: found, taken };
    throw new TabserveError(
      'unsupported',
      `The model "${name}" is for ${task}${wanted === null || wanted === task ? ', which this worker cannot do' : `, and was opened for ${wanted}`}.`,
      { details: { model: name, task, wanted } },
    );
  }

  #elapsed(): number {
    return performance.now() - this.#began;
  }
}

function labelsOf({ labels = [], name }: CoreManifest): readonly string[] {
  if (Array.isArray(labels)) return labels;
  throw new TabserveError('internal', `The labels of "${name}" were not read.`);
}

/** @throws TabserveError `manifest-invalid` where a translation has another number of labels. */
function shownLabels(
  { name, labelDetails }: CoreManifest,
  labels: readonly string[],
  translated: LabelSet | undefined,
): LabelSet {
  const shown = translated ?? { labels: [...labels], labelDetails };
  if (shown.labels.length === labels.length) return shown;
  throw new TabserveError(
    'manifest-invalid',
    `A label file in "translations" of "${name}" has ${shown.labels.length} labels; the model has ${labels.length}.`,
    { details: { model: name, field: 'translations' } },
  );
}

/** The files behind the external data, by the names that the manifest gives them. */
function assetsOf({ assets = {} }: CoreManifest, rest: readonly Obtained[]) {
  const names = Object.keys(assets);
  const files = names.length > 0 ? rest.slice(-names.length) : [];
  return Object.fromEntries(files.map(({ bytes }, index) => [names[index] as string, bytes]));
}

function settingsFor({ checks }: WorkerTask, settings: object): object {
  const problem = checks.settings(settings, 'settings');
  if (problem === undefined) return settings;
  throw new TabserveError('invalid-argument', `The worker was asked to load, but ${problem}.`);
}

/** Remembers the model, if all that it needs is in the store. */
async function install(
  library: Library,
  { source, baseUrl, otherOrigin, fallbacks, signed }: ResolvedModel,
  manifest: CoreManifest,
  assumed: readonly Fallback[],
  file: ModelFile,
  parts: readonly Obtained[],
): Promise<void> {
  if (source === null || parts.some(({ sha256 }) => sha256 === null)) return;
  const [graph, ...rest] = parts.map(({ bytes, sha256 }) => ({
    bytes: bytes.length,
    ...(sha256 !== null && { sha256 }),
  }));
  const loaded: ModelFile = {
    ...file,
    ...graph,
    ...(file.external && {
      external: file.external.map((each, index) => ({ ...each, ...rest[index] })),
    }),
  };
  const files = manifest.files.map((each) => (each.url === file.url ? loaded : each));
  const { assets } = manifest;
  const known = Object.entries(assets ?? {}).map(([name, asset], index, { length }) => [
    name,
    { ...asset, ...rest[rest.length - length + index] },
  ]);
  await library
    .install(source, {
      manifest: { ...manifest, files, ...(assets && { assets: Object.fromEntries(known) }) },
      baseUrl,
      otherOrigin,
      assumed: [...fallbacks, ...assumed],
      installedAt: Date.now(),
      ...(signed !== undefined && { signed }),
    })
    // It is loaded, which is what was asked for; it will be looked up again the next time.
    .catch(() => undefined);
}
