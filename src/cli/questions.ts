/** What only the author of a model knows, asked for one by one. */
import type { ModelManifest, Preprocess } from '../model/manifest.js';

/** Something that was assumed, and what it may be instead. */
export interface Question {
  text: string;
  /** The first one is what was assumed. */
  choices: { text: string; apply(manifest: ModelManifest): ModelManifest }[];
}

type Change = (manifest: ModelManifest) => ModelManifest;

const prepared =
  (change: (manifest: ModelManifest) => Partial<Preprocess>): Change =>
  (manifest) => ({ ...manifest, preprocess: { ...manifest.preprocess, ...change(manifest) } });

const numbers = (scale?: number, mean?: number | number[], std?: number | number[]): Change =>
  prepared(() => ({ scale, mean, std }));

const output =
  (activation: ModelManifest['output']['activation']): Change =>
  (manifest) => ({ ...manifest, output: { ...manifest.output, activation } });

const crop = ({ input: { width, height } }: ModelManifest) =>
  ({ policy: 'center', width, height }) as const;

const side = ({ input: { width, height } }: ModelManifest) => Math.min(width, height);

/**
 * The questions that what was assumed raises.
 *
 * @param assumed - As a completed description lists it.
 */
export function questionsFor(manifest: ModelManifest, assumed: readonly string[]): Question[] {
  const isAssumed = (words: RegExp) => assumed.some((each) => words.test(each));
  const same: Change = (each) => each;
  const questions: Question[] = [];
  const add = (text: string, was: string, others: readonly (readonly [string, Change])[]) => {
    const rest = others.filter(([name]) => name !== was);
    questions.push({
      text,
      choices: [[was, same] as const, ...rest].map(([name, apply]) => ({ text: name, apply })),
    });
  };
  const { channels } = manifest.input;
  const imageNet = "ImageNet's mean and deviation";
  const range = [imageNet, '−1…1', '0…255', '0…1'].find((each) =>
    assumed.some((one) => one.startsWith(each)),
  );
  if (range !== undefined && manifest.input.dtype.startsWith('float')) {
    add('Which numbers does the network take?', range, [
      ...(channels === 3
        ? ([[imageNet, numbers(undefined, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]] as const)
        : []),
      ['0…1', numbers()],
      ['−1…1', numbers(1 / 127.5, 1)],
      ['0…255', numbers(1)],
    ]);
  }
  if (isAssumed(/resized to/)) {
    const { resize } = manifest.preprocess;
    const ways = {
      'crop-fraction':
        "the shorter side to the input's size / 0.875, then the centre (torchvision)",
      'shorter-side': "the shorter side to the input's size, then the centre",
      exact: 'the whole picture, whatever its proportions (Keras)',
    };
    const way = resize?.policy as keyof typeof ways;
    add('How does a picture come to that size?', ways[way] ?? ways.exact, [
      [
        ways['crop-fraction'],
        prepared((each) => ({
          resize: { policy: 'crop-fraction', fraction: 0.875, filter: 'bilinear' },
          crop: crop(each),
        })),
      ],
      [
        ways['shorter-side'],
        prepared((each) => ({
          resize: { policy: 'shorter-side', size: side(each), filter: 'bilinear' },
          crop: crop(each),
        })),
      ],
      [
        ways.exact,
        prepared(({ input: { width, height } }) => ({
          resize: { policy: 'exact', width, height, filter: 'bilinear' },
          crop: undefined,
        })),
      ],
    ]);
  }
  if (isAssumed(/^RGB$/)) {
    add('In which order are its colours?', 'red, green, blue', [
      ['blue, green, red', (each) => ({ ...each, input: { ...each.input, colorOrder: 'BGR' } })],
    ]);
  }
  if (isAssumed(/turns the output into scores/)) {
    const ways = {
      softmax: 'one class of them all (softmax)',
      sigmoid: 'each class for itself (sigmoid)',
    };
    add(
      'What does it tell?',
      ways[manifest.output.activation === 'sigmoid' ? 'sigmoid' : 'softmax'],
      [
        ...(Array.isArray(manifest.labels) && manifest.labels.length === 1
          ? []
          : ([[ways.softmax, output('softmax')]] as const)),
        [ways.sigmoid, output('sigmoid')],
        ['its numbers are scores already', output('none')],
      ],
    );
  }
  return questions;
}

/**
 * Asks the questions.
 *
 * @param ask - Gives what was typed. Nothing, or what is no choice after a second time, leaves what was
 *   assumed.
 * @returns The manifest by the answers.
 */
export async function answered(
  manifest: ModelManifest,
  questions: readonly Question[],
  ask: (text: string) => Promise<string>,
): Promise<ModelManifest> {
  let result = manifest;
  for (const { text, choices } of questions) {
    const list = choices.map((each, at) => `  ${at + 1}  ${each.text}`).join('\n');
    const prompt = `${text}\n${list}\n(Enter: 1, which is only assumed) `;
    for (const wording of [prompt, `A number from 1 to ${choices.length}: `]) {
      const said = (await ask(wording)).trim();
      const choice = choices[said === '' ? 0 : Number(said) - 1];
      if (!choice) continue;
      result = choice.apply(result);
      break;
    }
  }
  return result;
}
