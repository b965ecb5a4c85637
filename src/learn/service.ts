/** Learning in a worker: data sets, fitting, what is kept, and models made of it. */
import { TabserveError } from '../base/errors.js';
import {
  anything,
  boolean,
  byKind,
  type Check,
  list,
  madeBy,
  mapOf,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
  whole,
} from '../base/shape.js';
import { encodeTable } from '../input/table/encode.js';
import { startDigest } from '../model/digest.js';
import { Library } from '../model/library.js';
import { openStore } from '../model/store/open.js';
import type { ServiceHost, WorkerService } from '../runtime/service.js';
import { loadRequest } from '../wire/guard.js';
import {
  averaged,
  localUpdate,
  secretNormals,
  type UpdateExamples,
  type UpdateSettings,
} from './arithmetic/federated.js';
import { leastSquares } from './arithmetic/least-squares.js';
import { fitLinearClassifier } from './arithmetic/linear-classifier.js';
import { neighbourScores } from './arithmetic/neighbours.js';
import { featuresOf, withOutput } from './carry/cut.js';
import { linearNames, writeLinear } from './carry/linear.js';
import { merge } from './carry/merge.js';
import { unzipFiles, zipFiles } from './carry/zip.js';
import { FeatureSet } from './feature-set.js';
import { fitExamples } from './fit.js';
import { deleteSet, loadSet, runKeeper, savedSets, saveSet } from './keep.js';
import { writeNetwork } from './network/forward.js';
import { planNetwork } from './network/spec.js';
import { trainNetwork } from './network/train.js';
import type {
  Advance,
  BaseModel,
  JobProgress,
  JobResult,
  LearnAnswers,
  LearnRequest,
  LinearResult,
  LinearSettings,
  MergedModel,
  PictureManifest,
  UpdateResult,
} from './types.js';

/** Milliseconds for which a job goes on before others have their turn. */
const slice = 80;

/** What the address of a file begins with that is nowhere but in the store. */
const installedUrl = 'tabserve-store:///';

/** Most examples and classes of a set. */
const mostExamples = 1_000_000;
const mostClasses = 10_000;

/** Most columns of a table. */
const mostColumns = 10_000;

const id = whole(0);
const ids = list(id, 0, mostExamples);
const examples = object({
  ids,
  classes: list(whole(0, mostClasses), 0, mostExamples),
  count: whole(1, mostClasses),
});
const embedding = object({
  name: string,
  pooling: optional(oneOf('none', 'mean', 'cls', 'average')),
});
const labels = list(string, 1, mostClasses);
const bytes = madeBy(Uint8Array);

// What layers have to be, planNetwork() says.
const network = object({
  input: list(whole(1, 4096), 3, 3),
  layers: list(record, 0, 100),
  classes: whole(1, mostClasses),
});

const check: Check = byKind({
  base: { load: loadRequest },
  add: { set: id, ids, features: madeBy(Float32Array, Uint8Array) },
  forget: { set: id, ids },
  preview: { set: id, examples, query: madeBy(Float32Array), k: whole(1, 1000) },
  fit: {
    set: id,
    job: id,
    examples,
    settings: object({
      weightDecay: nullable(number),
      folds: whole(2, 20),
      holdOut: number,
      balanced: boolean,
      seed: whole(0),
    }),
  },
  network: {
    set: id,
    job: id,
    examples,
    spec: network,
    keepAs: nullable(string),
    settings: object({
      epochs: whole(1, 10_000),
      batchSize: whole(1, 4096),
      learningRate: number,
      optimizer: oneOf('adam', 'sgd'),
      loss: oneOf('cross-entropy', 'squared-error'),
      validation: number,
      patience: nullable(whole(1)),
      shifts: boolean,
      mirrored: boolean,
      seed: whole(0),
    }),
  },
  // What columns have to be, the page has checked, and encodeTable() says of each value.
  table: {
    set: id,
    columns: list(object({ name: string, kind: oneOf('number', 'category') }), 1, mostColumns),
    rows: list(anything, 1, 100_000),
    first: whole(0),
  },
  linear: {
    set: id,
    job: id,
    settings: object({
      model: oneOf('linear-regression', 'logistic-regression', 'linear-svm'),
      targets: madeBy(Float64Array),
      labels: list(string, 0, mostClasses),
      c: number,
    }),
  },
  update: {
    set: id,
    job: id,
    examples,
    start: madeBy(Float32Array),
    settings: object({
      epochs: whole(1, 1000),
      batchSize: whole(1, 4096),
      learningRate: number,
      clip: nullable(number),
      noiseMultiplier: number,
      seed: whole(0),
    }),
  },
  average: {
    start: madeBy(Float32Array),
    changes: list(object({ change: madeBy(Float32Array), weight: number }), 1, mostExamples),
  },
  advance: { job: id },
  stop: { job: id },
  merge: {
    load: loadRequest,
    embedding,
    head: object({
      weights: madeBy(Float64Array),
      biases: madeBy(Float64Array),
      temperature: number,
    }),
    labels,
  },
  write: {
    network: object({
      spec: network,
      scale: object({ mean: number, deviation: number }),
      parameters: madeBy(Float32Array),
      statistics: madeBy(Float32Array),
      temperature: number,
    }),
    labels,
  },
  install: { manifest: record, file: bytes },
  zip: { files: mapOf(bytes) },
  unzip: { zip: madeBy(Blob) },
  save: {
    set: id,
    name: string,
    meta: object({ base: string, labels }),
    examples: list(
      object({ id, class: id, name: string, image: nullable(madeBy(Blob)) }),
      0,
      mostExamples,
    ),
  },
  load: { set: id, name: string },
  saved: {},
  delete: { name: string },
  drop: { set: id },
} satisfies Record<LearnRequest['kind'], object>);

/** Long work, done in slices. */
class Job {
  readonly work: Work;
  progress: JobProgress = { stage: 'prepare', done: 0 };

  constructor(begin: (report: (progress: JobProgress) => void) => Work) {
    this.work = begin((progress) => {
      this.progress = progress;
    });
  }
}

/** Work that pauses by itself. */
type Work = Generator<void, JobResult> | AsyncGenerator<void, JobResult>;

/** Answers {@link LearnRequest}s. */
export function learnService(): WorkerService<LearnRequest, LearnAnswers[LearnRequest['kind']]> {
  const sets = new Map<number, FeatureSet>();
  const jobs = new Map<number, Job>();
  const setOf = (number: number): FeatureSet => {
    const set = sets.get(number) ?? new FeatureSet();
    sets.set(number, set);
    return set;
  };
  return {
    service: 'learn',
    check,
    async answer(request, host) {
      switch (request.kind) {
        case 'base':
          return lookAt(await host.read(request.load));
        case 'add':
          setOf(request.set).add(request.ids, request.features);
          return null;
        case 'forget':
          setOf(request.set).forget(request.ids);
          return null;
        case 'preview': {
          const { examples, query, k } = request;
          const set = setOf(request.set);
          const rows = examples.ids.map((each) => set.row(each));
          return [...neighbourScores(rows, examples.classes, examples.count, query, k)];
        }
        case 'fit': {
          const { examples, settings } = request;
          const raw = setOf(request.set).gather(examples.ids);
          jobs.set(request.job, new Job((report) => fitExamples(raw, examples, settings, report)));
          return null;
        }
        case 'network': {
          const { examples, spec, settings, keepAs } = request;
          const keeper = keepAs === null ? undefined : runKeeper(keepAs);
          const rows = setOf(request.set).bytes(examples.ids);
          jobs.set(
            request.job,
            new Job((report) => trainNetwork(host, rows, examples, spec, settings, report, keeper)),
          );
          return null;
        }
        case 'table': {
          const { columns, rows, first } = request;
          const input = { kind: 'matrix', name: linearNames.input } as const;
          const found = encodeTable({ rows, first }, columns, input, [])[linearNames.input];
          const ids = rows.map((_, at) => first + at);
          setOf(request.set).add(ids, found?.data as Float32Array);
          return null;
        }
        case 'linear': {
          const { settings } = request;
          const raw = setOf(request.set).gather([...settings.targets.keys()]);
          jobs.set(request.job, new Job(() => fitLinear(raw, settings)));
          return null;
        }
        case 'update': {
          const { examples, start, settings } = request;
          const raw = setOf(request.set).gather(examples.ids);
          const given = { ...raw, classes: examples.classes, count: examples.count };
          jobs.set(request.job, new Job(() => update(given, start, settings)));
          return null;
        }
        case 'average':
          return averaged(request.start, request.changes);
        case 'advance':
          return advance(jobs, request.job);
        case 'stop': {
          const job = jobs.get(request.job);
          jobs.delete(request.job);
          await job?.work.return(undefined as never);
          return null;
        }
        case 'merge':
          return mergeHead(request, host);
        case 'write':
          return writeTrained(request);
        case 'install':
          await install(request, host);
          return null;
        case 'zip':
          return zipFiles(request.files);
        case 'unzip':
          return unzipFiles(request.zip);
        case 'save':
          await saveSet(setOf(request.set), request);
          return null;
        case 'load': {
          const into = new FeatureSet();
          const loaded = await loadSet(request.name, into);
          sets.set(request.set, into);
          return loaded;
        }
        case 'saved':
          return savedSets();
        case 'delete':
          return deleteSet(request.name);
        case 'drop':
          sets.delete(request.set);
          return null;
      }
    },
  };
}

/** Goes on with a job for a slice of time. */
async function advance(jobs: Map<number, Job>, number: number): Promise<Advance> {
  const job = jobs.get(number);
  if (!job) throw new TabserveError('destroyed', 'The work was stopped.');
  const until = performance.now() + slice;
  try {
    do {
      const step = await job.work.next();
      if (step.done) {
        jobs.delete(number);
        return { done: true, result: step.value };
      }
    } while (performance.now() < until);
  } catch (error) {
    jobs.delete(number);
    throw error;
  }
  return { done: false, progress: job.progress };
}

/** What a model gives a head to stand on. */
function lookAt({ manifest, graph }: Awaited<ReturnType<ServiceHost['read']>>): BaseModel {
  const { task } = manifest;
  const { output, ...rest } = manifest as PictureManifest & {
    output?: { name: string; pooling?: never; embedding?: BaseModel['embedding'] };
  };
  if ((task !== 'image-classification' && task !== 'image-embedding') || !output) {
    throw new TabserveError(
      'unsupported',
      `The model "${manifest.name}" is for ${task}. A base is a classifier or an embedder of pictures.`,
      { details: { model: manifest.name, task } },
    );
  }
  if (task === 'image-embedding') return { manifest: rest, embedding: output, cut: null };
  if (output.embedding) return { manifest: rest, embedding: output.embedding, cut: null };
  const found = featuresOf(graph, output.name, `The model "${manifest.name}"`);
  return { manifest: rest, embedding: found, cut: withOutput(graph, found.name) };
}

async function mergeHead(
  { load, embedding, head, labels }: Extract<LearnRequest, { kind: 'merge' }>,
  host: ServiceHost,
): Promise<MergedModel> {
  const { manifest, graph } = await host.read(load);
  const { input } = manifest as PictureManifest;
  const { weights, biases, temperature } = head;
  const rows = biases.length;
  const { file, scores } = merge({
    graph,
    input: input.name,
    embedding,
    head: { weights: { data: weights, rows, columns: weights.length / rows }, biases },
    temperature,
    labels,
    where: `The model "${manifest.name}"`,
  });
  return { file, sha256: await sha256Of(file), input: input.name, scores };
}

async function writeTrained({
  network,
  labels,
}: Extract<LearnRequest, { kind: 'write' }>): Promise<MergedModel> {
  const { spec, scale, temperature } = network;
  const output = { name: 'scores', temperature, labels } as const;
  const file = writeNetwork(planNetwork(spec), network, scale, output);
  return { file, sha256: await sha256Of(file), input: 'input', scores: 'scores' };
}

function* update(
  examples: UpdateExamples,
  start: Float32Array,
  settings: UpdateSettings,
): Generator<void, UpdateResult> {
  const change = yield* localUpdate(examples, start, settings, secretNormals());
  return { kind: 'update', change };
}

async function* fitLinear(
  raw: ReturnType<FeatureSet['gather']>,
  { model, targets, labels, c }: LinearSettings,
): AsyncGenerator<void, LinearResult> {
  const fit =
    model === 'linear-regression'
      ? { formulas: [yield* leastSquares(raw, targets)], steps: 1, converged: true }
      : yield* fitLinearClassifier({
          ...raw,
          classes: targets,
          count: labels.length,
          kind: model,
          c,
        });
  const { formulas, steps, converged } = fit;
  const isHeld = formulas.every(({ weights, intercept }) =>
    [...weights, intercept].every((each) => Number.isFinite(Math.fround(each))),
  );
  if (!isHeld) {
    throw new TabserveError(
      'invalid-argument',
      'The coefficients are too large for the model, which holds them as float32. Bring the columns and the values to a common size.',
    );
  }
  const file = writeLinear(model, formulas, labels);
  return {
    kind: 'linear',
    coefficients: formulas.map(({ weights }) => weights),
    intercepts: formulas.map(({ intercept }) => intercept),
    steps,
    converged,
    made: {
      file,
      sha256: await sha256Of(file),
      input: linearNames.input,
      scores: model === 'linear-regression' ? linearNames.value : linearNames.scores,
    },
  };
}

/** Puts a model where those lie that were loaded by their name. */
async function install(
  { manifest, file }: Extract<LearnRequest, { kind: 'install' }>,
  host: ServiceHost,
): Promise<void> {
  const { store } = await openStore();
  if (!store) {
    throw new TabserveError(
      'unsupported',
      'This browser gives the page no storage, so that no model can be kept.',
    );
  }
  const [graph] = manifest.files;
  // What is in the store is not checked again.
  const checked = await host.read({
    requestId: 0,
    model: {
      kind: 'manifest',
      manifest,
      files: { [graph?.url ?? '']: new Blob([file]) },
      baseUrl: null,
    },
    task: null,
    dtype: 'auto',
    settings: {},
    mirrors: {},
    hubUrl: 'about:blank',
    stallTimeout: 1000,
    local: true,
  });
  await store.commit(await sha256Of(file), file, null);
  await new Library(store).install(manifest.name, {
    manifest: checked.manifest,
    baseUrl: installedUrl,
    otherOrigin: false,
    assumed: [],
    installedAt: Date.now(),
  });
}

async function sha256Of(file: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = startDigest(file.length);
  digest.update(file);
  return digest.finish(file);
}
