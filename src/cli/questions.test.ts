import { expect, test } from 'vitest';
import { bareModel, completeBare } from '../model/bare.js';
import { type ModelManifest, parseManifest } from '../model/manifest.js';
import { answered, questionsFor } from './questions.js';

function described(channels = 3) {
  const { manifest } = bareModel('m.onnx');
  const completion = completeBare(
    {
      manifest: manifest as ModelManifest,
      open: 'everything',
      inputs: [{ name: 'x', type: 'float32', shape: [1, channels, 32, 32] }],
      outputs: [{ name: 'y', type: 'float32', shape: [1, 3] }],
      graph: null,
      where: 'm.onnx',
    },
    null,
  );
  const complete = completion.manifest as ModelManifest;
  return { complete, questions: questionsFor(complete, completion.assumed) };
}

/** Answers in turn, then nothing. */
const saying =
  (...answers: string[]) =>
  async () =>
    answers.shift() ?? '';

test('what was assumed of a picture is asked for; Enter leaves it', async () => {
  const { complete, questions } = described();
  expect(questions.map(({ text }) => text)).toEqual([
    'Which numbers does the network take?',
    'How does a picture come to that size?',
    'In which order are its colours?',
    'What does it tell?',
  ]);
  expect(questions[0]?.choices[0]?.text).toBe("ImageNet's mean and deviation");
  expect(await answered(complete, questions, saying())).toEqual(complete);
});

test('the answers are in the manifest, which check takes', async () => {
  const { complete, questions } = described();
  const at = (question: number, words: RegExp) =>
    `${(questions[question]?.choices.findIndex(({ text }) => words.test(text)) ?? -1) + 1}`;
  const answers = [at(0, /0…255/), at(1, /whole picture/), at(2, /blue, green/), at(3, /itself/)];
  const manifest = await answered(complete, questions, saying(...answers));
  expect(manifest).toMatchObject({
    input: { colorOrder: 'BGR' },
    preprocess: { scale: 1, resize: { policy: 'exact', width: 32, height: 32 } },
    output: { activation: 'sigmoid' },
  });
  const written = JSON.parse(JSON.stringify(manifest));
  expect(written.preprocess).not.toHaveProperty('mean');
  expect(written.preprocess).not.toHaveProperty('crop');
  expect(() => parseManifest(written, 'model.json')).not.toThrow();
});

test('every answer to every question gives a manifest that check takes', async () => {
  for (const channels of [1, 3]) {
    const { complete, questions } = described(channels);
    for (const { choices } of questions) {
      for (const { apply } of choices) {
        const written = JSON.parse(JSON.stringify(apply(complete)));
        expect(() => parseManifest(written, 'model.json')).not.toThrow();
      }
    }
  }
});

test('what is no choice is asked for once more', async () => {
  const { complete, questions } = described();
  const asked: string[] = [];
  const answers = ['nine', '2'];
  const manifest = await answered(complete, questions.slice(0, 1), async (text) => {
    asked.push(text);
    return answers.shift() ?? '';
  });
  expect(asked).toHaveLength(2);
  expect(asked[1]).toBe('A number from 1 to 4: ');
  expect(manifest.preprocess.mean).toBeUndefined();
});
