/** What was taught, as a model: how good it is, and its files. */
import { shown } from '../base/shown.js';
import type {
  ImageClassifier as Classifier,
  CoreManifest,
  CreateOptions,
  ModelManifest,
} from '../index.js';
import { ImageClassifier, internals, TabserveError } from '../index.js';
import { cardOf, fileName, type ModelAbout, manifestOf, type Teaching } from './carry/card.js';
import type { Example, LabelCount } from './dataset.js';
import { type Comparison, compare } from './evaluate/compare.js';
import { argmax, type Evaluation, evaluate, type Mistake, mistakesOf } from './evaluate/report.js';
import { probabilitiesOf } from './evaluate/temperature.js';
import type { LearnLink } from './link.js';
import type { Epoch, MergedModel, PictureManifest, UnseenScores } from './types.js';

/** How good a taught model is, by examples that it had not seen. */
export interface TaughtEvaluation extends Evaluation {
  /** In words: `cross-validation, 5 folds`, or `held out`. */
  method: string;
  /** The examples that were taken for something else, the surest first. */
  mistakes: readonly (Omit<Mistake, 'example'> & { example: Example })[];
}

/** What an example was taken for, by its id. */
type Taken = ReadonlyMap<number, { truth: string; taken: string }>;

/** What a {@link TaughtModel} is made of. */
export interface TaughtParts {
  link: LearnLink;
  labels: readonly LabelCount[];
  evaluation: TaughtEvaluation | null;
  taken: Taken;
  teaching: Teaching;
  temperature: number;
  /** Of a network. @default none */
  epochs?: readonly Epoch[];
  /** What the manifest takes over. */
  base: PictureManifest;
  /** Makes the graph's file. */
  make(labels: string[]): Promise<MergedModel>;
  /** Where the features are in it, and of which type its numbers are. */
  described: Pick<ModelManifest['output'], 'embedding'> & Pick<ModelManifest['files'][0], 'dtype'>;
}

/** The files of a model, by their names. */
export type ModelFiles = Readonly<Record<string, File>>;

/** A model that was taught on this page. It stays usable as long as its trainer does. */
export class TaughtModel {
  /** The classes, in the order of the model's output, with the examples that each was taught by. */
  readonly labels: readonly LabelCount[];
  /** How good it is; `null` where there were too few examples to hold any out. */
  readonly evaluation: TaughtEvaluation | null;
  /** What was decided: `weightDecay` and others. */
  readonly settings: Teaching['settings'];
  /** What its scores before softmax are divided by, so that they say how sure they may be. */
  readonly temperature: number;
  /** What has to be known besides. */
  readonly notes: readonly string[];
  /** What became of each pass over the examples, of a network; of a head there are none. */
  readonly epochs: readonly Epoch[];
  readonly #parts: TaughtParts;
  #made: Promise<MergedModel> | undefined;

  /** @internal */
  constructor(parts: TaughtParts) {
    this.#parts = parts;
    this.labels = parts.labels;
    this.evaluation = parts.evaluation;
    this.settings = parts.teaching.settings;
    this.temperature = parts.temperature;
    this.notes = parts.teaching.notes;
    this.epochs = parts.epochs ?? [];
  }

  /**
   * Whether it is better than another one, on the examples that both were asked about unseen.
   *
   * @throws TabserveError `invalid-argument` where there are none.
   */
  compareWith(other: TaughtModel): Comparison {
    const others = other.#parts.taken;
    const both = [...this.#parts.taken].flatMap(([id, own]) => {
      const theirs = others.get(id);
      return theirs ? [{ own, theirs }] : [];
    });
    const names = new Map<string, number>();
    const numberOf = (label: string) => {
      const known = names.get(label) ?? names.size;
      names.set(label, known);
      return known;
    };
    return compare(
      both.map(({ own }) => numberOf(own.truth)),
      both.map(({ own }) => numberOf(own.taken)),
      both.map(({ theirs }) => numberOf(theirs.taken)),
    );
  }

  /**
   * The model's files: `model.json`, the `.onnx` file with base and head in one, `labels.txt` and a card,
   * `README.md`.
   *
   * @throws TabserveError `invalid-argument` for a name or version that is none; `destroyed`;
   *   `unsupported` for a base whose graph takes no head.
   */
  async files(about: ModelAbout = {}): Promise<ModelFiles> {
    const { manifest, merged } = await this.#describe(about);
    const { teaching } = this.#parts;
    const labels = teaching.labels.map(({ label }) => label);
    return filesOf(manifest, merged.file, labels, cardOf(manifest, teaching));
  }

  /** The files in a zip. Errors as {@link files}. */
  async zip(about: ModelAbout = {}): Promise<File> {
    return zipOf(this.#parts.link, await this.files(about), about);
  }

  /** The model, ready to answer. Errors as `ImageClassifier.create()`. */
  async classifier(options: Omit<CreateOptions, 'model'> = {}): Promise<Classifier> {
    const { manifest, merged } = await this.#describe({});
    const files = { [fileName(manifest.name)]: new Blob([merged.file]) };
    return ImageClassifier.create({ ...options, model: { manifest, files } });
  }

  /**
   * Keeps the model in the store under its name, as those are kept that were downloaded: it is from then
   * on `ImageClassifier.create({ model: name })`, `models.cached()` has it, and an earlier one of the name can
   * be brought back by `models.rollback(name)`. Classifiers of that name change to it by `refresh()`.
   *
   * @throws TabserveError as {@link files}; `invalid-argument` for the name of an embedded model;
   *   `unsupported` without a store.
   */
  async install(about: ModelAbout & { name: string }): Promise<void> {
    checkFree(about.name);
    const { manifest, merged } = await this.#describe(about);
    await this.#parts.link.ask({ kind: 'install', manifest, file: merged.file });
  }

  async #describe(about: ModelAbout): Promise<{ manifest: ModelManifest; merged: MergedModel }> {
    checkAbout(about);
    const { base, described, teaching, make } = this.#parts;
    this.#made ??= make(teaching.labels.map(({ label }) => label));
    // One that has failed may be made another time.
    this.#made.catch(() => {
      this.#made = undefined;
    });
    const merged = await this.#made;
    const { dtype, embedding = null } = described;
    return { manifest: manifestOf(base, dtype, merged, embedding, teaching, about), merged };
  }
}

/** What a model is by the scores of examples that it had not seen. */
export function evaluationOf(
  unseen: UnseenScores | null,
  temperature: number,
  examples: readonly Example[],
  labels: readonly LabelCount[],
): { evaluation: TaughtEvaluation | null; taken: Taken } {
  if (!unseen || unseen.ids.length === 0) return { evaluation: null, taken: new Map() };
  const names = labels.map(({ label }) => label);
  const byId = new Map(examples.map((example) => [example.id, example]));
  const asked = unseen.ids.map((id) => byId.get(id) as Example);
  const places = new Map(names.map((name, at) => [name, at]));
  const truth = asked.map(({ label }) => places.get(label) as number);
  const rows = asked.map((_, at) =>
    probabilitiesOf(
      unseen.logits.subarray(at * names.length, (at + 1) * names.length),
      temperature,
    ),
  );
  const taken = new Map(
    asked.map(({ id, label }, at) => {
      const found = names[argmax(rows[at] as Float64Array)] as string;
      return [id, { truth: label, taken: found }] as const;
    }),
  );
  return {
    taken,
    evaluation: {
      ...evaluate(truth, rows, names),
      method: unseen.method === 'folds' ? `cross-validation, ${unseen.folds} folds` : 'held out',
      mistakes: mistakesOf(truth, rows, names).map((each) => ({
        ...each,
        example: asked[each.example] as Example,
      })),
    },
  };
}

/** A model's files. */
export function filesOf(
  manifest: CoreManifest,
  graph: Uint8Array<ArrayBuffer>,
  labels: readonly string[],
  card: string,
): ModelFiles {
  const contents: Record<string, BlobPart> = {
    'model.json': `${JSON.stringify(manifest, null, 2)}\n`,
    [fileName(manifest.name)]: graph,
    ...(labels.length > 0 && { 'labels.txt': `${labels.join('\n')}\n` }),
    'README.md': card,
  };
  return Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [name, new File([content], name)]),
  );
}

/** The same in a zip. */
export async function zipOf(
  link: LearnLink,
  files: ModelFiles,
  { name = 'taught' }: ModelAbout,
): Promise<File> {
  const entries = await Promise.all(
    Object.entries(files).map(
      async ([name, file]) => [name, new Uint8Array(await file.arrayBuffer())] as const,
    ),
  );
  const zip = await link.ask({ kind: 'zip', files: Object.fromEntries(entries) });
  return new File([zip], `${name}.zip`, { type: 'application/zip' });
}

/** @throws TabserveError `invalid-argument` for the name of an embedded model. */
export function checkFree(name: string): void {
  if (!internals.embeddedNames.includes(name)) return;
  throw new TabserveError(
    'invalid-argument',
    `"${name}" is the name of an embedded model. Choose another one.`,
    { details: { option: 'name' } },
  );
}

/** @throws TabserveError `invalid-argument` for a name, version or text that is none. */
export function checkAbout({ name = 'taught', version = '1.0.0', ...texts }: ModelAbout): void {
  const refuse = (option: string, found: unknown, expected: string) =>
    new TabserveError(
      'invalid-argument',
      `The ${option} of the model is ${shown(found, 100)}; it takes ${expected}.`,
      { details: { option } },
    );
  if (!/^\w[\w.-]{0,95}$/.test(name)) {
    throw refuse('name', name, 'up to 96 letters, digits, ".", "_" and "-"');
  }
  if (!/^\d+\.\d+\.\d+([-+][\w.+-]{1,64})?$/.test(version)) {
    throw refuse('version', version, 'three numbers, such as "1.0.0"');
  }
  for (const [option, text] of Object.entries(texts)) {
    if (text !== undefined && (typeof text !== 'string' || text.length > 10_000)) {
      throw refuse(option, text, 'a text of up to 10,000 characters');
    }
  }
}
