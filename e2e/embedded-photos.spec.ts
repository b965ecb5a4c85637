/** The embedded model `photos`, which is the default: what it says of real photos. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { sharedFolder } from './server.js';

/**
 * What native onnxruntime says of each photo, in the order of the model's card:
 * `python models/photos/recipe/reference.py` wrote it.
 */
interface Native {
  file: string;
  /** The class that the file's name says; null where it says none. */
  index: number | null;
  top5: [index: number, score: number][];
}

test.describe('photos', () => {
  needsShared('images/photos');

  test('answers as native onnxruntime, and knows 96 % of the named photos', async ({ open }) => {
    test.setTimeout(300_000);
    const native = JSON.parse(
      readFileSync(new URL('./golden/photos.json', import.meta.url), 'utf8'),
    ) as Native[];
    const files = readdirSync(`${sharedFolder}/images/photos`).sort();
    expect(native.map(({ file }) => file).sort()).toEqual(files);
    const page = await open();
    const { answers, info } = await page.evaluate(
      async (files) => {
        const classifier = await window.tabserve.ImageClassifier.create({ device: 'wasm' });
        const answers = [];
        for (const file of files) {
          const image = await (await fetch(`/shared/images/photos/${file}`)).blob();
          answers.push(await classifier.classify(image, { topK: 5 }));
        }
        return { answers, info: classifier.info };
      },
      native.map(({ file }) => file),
    );
    expect(info.model.name).toBe('photos');
    expect(info).toMatchObject({ dtype: 'int8', computeDtype: 'fp32' });
    let named = 0;
    let known = 0;
    let farthest = 0;
    for (const [at, { file, index, top5 }] of native.entries()) {
      const answer = answers[at] ?? [];
      expect(
        answer.map((each) => each.index),
        file,
      ).toEqual(top5.map(([each]) => each));
      for (const [place, [, score]] of top5.entries()) {
        farthest = Math.max(farthest, Math.abs((answer[place]?.score ?? 2) - score));
      }
      if (index === null) continue;
      named++;
      if (answer.some((each) => each.index === index)) known++;
    }
    console.log(`${known} of ${named} among the five best; scores differ by ${farthest} at most`);
    expect(farthest).toBeLessThan(1e-3);
    expect(named).toBe(50);
    expect(known / named).toBeGreaterThanOrEqual(0.96);
  });

  test('the parrot is a macaw', async ({ open }) => {
    const page = await open();
    const [best] = await page.evaluate(async () => {
      const classifier = await window.tabserve.ImageClassifier.create();
      const image = await (await fetch('/shared/images/photos/parrot.jpg')).blob();
      return classifier.classify(image);
    });
    expect(best?.label).toBe('macaw');
  });
});
