/** A taught model's files beside the graph: its manifest, and a card for people. */

import type { ModelDtype } from '../../model/manifest-core.js';
import type { ModelManifest } from '../../tasks/image-classification/types.js';
import type { EmbeddingOutput } from '../../tasks/image-embedding/types.js';
import type { LabelCount } from '../dataset.js';
import type { Evaluation } from '../evaluate/report.js';
import type { MergedModel, PictureManifest } from '../types.js';

/** What a taught model is called, and what is said of it. */
export interface ModelAbout {
  /** Letters, digits, `.`, `_` and `-`. @default 'taught' */
  name?: string;
  /** As `1.0.0`. @default '1.0.0' */
  version?: string;
  /** For people. @default name */
  title?: string;
  description?: string;
  /** @default the base's, of whose weights the model has most */
  license?: string;
}

/** How a model was taught. */
export interface Teaching {
  /** In words: `a softmax head on photos 1.0.0`. */
  how: string;
  /** What was decided on the way, by its name. */
  settings: Readonly<Record<string, number | string | boolean>>;
  labels: readonly LabelCount[];
  evaluation: (Evaluation & { method: string }) | null;
  /** What has to be said besides. */
  notes: readonly string[];
}

/** The `model.json` of a taught model. */
export function manifestOf(
  base: PictureManifest,
  dtype: ModelDtype,
  merged: MergedModel,
  embedding: EmbeddingOutput | null,
  teaching: Teaching,
  about: ModelAbout,
): ModelManifest {
  const { name = 'taught', version = '1.0.0', title, description } = about;
  const license = about.license ?? base.license;
  const { input, preprocess, constants } = base;
  const { evaluation } = teaching;
  return {
    name,
    version,
    task: 'image-classification',
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(license !== undefined && { license }),
    source: `Taught in a web page by tabserve: ${teaching.how}.`,
    labels: teaching.labels.map(({ label }) => label),
    input,
    preprocess,
    output: {
      name: merged.scores,
      activation: 'none',
      ...(embedding && { embedding }),
    },
    ...(constants && { constants }),
    files: [
      {
        url: fileName(name),
        dtype,
        bytes: merged.file.length,
        sha256: merged.sha256,
      },
    ],
    metrics: {
      teaching: {
        ...teaching.settings,
        examples: Object.fromEntries(teaching.labels.map((each) => [each.label, each.examples])),
      },
      ...(evaluation && {
        evaluation: {
          method: evaluation.method,
          examples: evaluation.examples,
          accuracy: evaluation.accuracy,
          balancedAccuracy: evaluation.balancedAccuracy,
          macroF1: evaluation.macro.f1,
          logLoss: evaluation.logLoss,
          calibrationError: evaluation.calibrationError,
          confusion: evaluation.confusion,
        },
      }),
    },
  };
}

/** What the graph's file is called. */
export function fileName(name: string): string {
  return `${name.split('/').at(-1)}.onnx`;
}

/** The card, in Markdown. Labels in it are text, whatever they look like. */
export function cardOf(
  manifest: ModelManifest,
  { how, labels, evaluation, notes }: Teaching,
): string {
  const { name, version, title = name, description, license } = manifest;
  const lines = [
    `# ${escaped(title)}`,
    '',
    ...(description === undefined ? [] : [escaped(description), '']),
    `Version ${version}. ${escaped(how[0]?.toUpperCase() ?? '')}${escaped(how.slice(1))}, taught in a web page by tabserve.`,
    ...(license === undefined ? [] : ['', `Licence of the weights: ${escaped(license)}.`]),
    '',
    '| Class | Examples |',
    '|---|---:|',
    ...labels.map(({ label, examples }) => `| ${escaped(label)} | ${examples} |`),
    '',
    '## How good it is',
    '',
    ...(evaluation
      ? evaluationLines(evaluation)
      : ['There were too few examples to hold any out: nothing was measured.']),
    ...notes.flatMap((note) => ['', escaped(note)]),
    '',
    '## How to use it',
    '',
    '```js',
    `const classifier = await ImageClassifier.create({ model: 'model.json' });`,
    '```',
    '',
    `\`${fileName(name)}\` is an ordinary ONNX file, whose output \`${manifest.output.name}\` are probabilities, in the order of \`labels.txt\`. \`model.json\` says how a picture becomes its input.`,
    '',
  ];
  return lines.join('\n');
}

function evaluationLines({
  accuracy,
  examples,
  method,
  classes,
  calibrationError,
}: NonNullable<Teaching['evaluation']>): string[] {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return [
    `On ${examples} examples that it had not seen (${escaped(method)}): ${percent(accuracy.value)} right (${percent(accuracy.confidence)} interval: ${percent(accuracy.low)} to ${percent(accuracy.high)}), calibration error ${percent(calibrationError)}.`,
    '',
    '| Class | Precision | Recall | F1 |',
    '|---|---:|---:|---:|',
    ...classes.map(
      ({ label, precision, recall, f1 }) =>
        `| ${escaped(label)} | ${percent(precision)} | ${percent(recall)} | ${percent(f1)} |`,
    ),
  ];
}

/** A text that Markdown and HTML leave as it is. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]|#~!]/g, '\\$&')
    .replaceAll(/\s+/g, ' ');
}
