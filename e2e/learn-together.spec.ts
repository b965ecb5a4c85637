/** Pages that learn one head together, on real pictures: as good as one that has them all. */
import { readFileSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { serveBase, withLearning } from './learn.js';
import { sharedFolder } from './server.js';

test('100 pages with 20 pictures of CIFAR-10 each learn what one with all of them learns', async ({
  open,
}) => {
  needsShared('data/cifar10');
  test.setTimeout(900_000);
  const index = JSON.parse(readFileSync(`${sharedFolder}/data/index.json`, 'utf8')) as {
    cifar10: { test: Record<string, number> };
  };
  const page = await withLearning(await open());
  // In steps: a test that runs out of time tells where.
  const given = await page.evaluateHandle(async (names) => {
    const { Trainer } = window.learn;
    // Pictures that the base has not seen: of CIFAR-10's test set.
    const [perClass, asked] = [200, 30];
    const trainer = await Trainer.create({ base: 'everyday', device: 'wasm' });
    const questions: { label: string; picture: ImageData }[] = [];
    for (const label of names) {
      const tile = await window.sheetOf(`/shared/data/cifar10/test/${label}.webp`, 32);
      await trainer.add(
        label,
        Array.from({ length: perClass }, (_, at) => tile(at)),
      );
      for (let at = 0; at < asked; at++) questions.push({ label, picture: tile(perClass + at) });
    }
    const accuracyOf = async (model: {
      classifier(options: object): ReturnType<typeof window.tabserve.ImageClassifier.create>;
    }) => {
      const classifier = await model.classifier({ device: 'wasm' });
      const answers = await classifier.classify(
        questions.map(({ picture }) => picture),
        { topK: 1 },
      );
      classifier.destroy();
      const right = answers.filter(([best], at) => best?.label === questions[at]?.label);
      return right.length / questions.length;
    };
    return { trainer, names, accuracyOf };
  }, Object.keys(index.cifar10.test));
  const central = await page.evaluate(
    async ({ trainer, accuracyOf }) => accuracyOf(await trainer.train({ holdOut: 0.2 })),
    given,
  );
  const found = await page.evaluate(async ({ trainer, names, accuracyOf }) => {
    // Each page has pictures of two classes only (McMahan et al., 2017): five have each pair.
    const byLabel = new Map(names.map((label) => [label, [] as { id: number; label: string }[]]));
    for (const example of trainer.examples) byLabel.get(example.label)?.push(example);
    const pages = Array.from({ length: 100 }, (_, page) => {
      const [one, other] = [page % 10, (page + 1 + (Math.floor(page / 10) % 9)) % 10];
      return [one, other].flatMap((at) => byLabel.get(names[at] as string)?.splice(0, 10) ?? []);
    });
    const sizes = pages.map((examples) => examples.length);
    const together = async (rounds: number, options: object) => {
      let head = trainer.sharedHead(names);
      let privacy = null;
      for (let round = 0; round < rounds; round++) {
        const updates = [];
        for (const examples of pages) {
          updates.push(await trainer.exportUpdate(head, { examples, seed: round, ...options }));
        }
        privacy = updates[0]?.privacy ?? null;
        head = await trainer.applyAverage(head, updates);
      }
      return { head, privacy };
    };
    const plain = await together(5, {});
    const learnt = await accuracyOf(trainer.modelOf(plain.head));
    const noisy = await together(1, { clip: 1, noiseMultiplier: 1 });
    trainer.destroy();
    return {
      sizes: [Math.min(...sizes), Math.max(...sizes)],
      together: learnt,
      privacy: noisy.privacy,
      none: plain.privacy,
    };
  }, given);
  console.log(JSON.stringify({ central, ...found }));
  expect(found.none).toBeNull();
  expect(found.privacy?.epsilon).toBeGreaterThan(0);
  expect(central).toBeGreaterThan(0.7);
  expect(found.together).toBeGreaterThan(central - 0.02);
});

test('heads and updates of others are refused', async ({ open, server }) => {
  const page = await withLearning(await open());
  const codes = await page.evaluate(async (base) => {
    const { Trainer } = window.learn;
    const codeOf = async (task: () => unknown) => {
      try {
        await task();
        return 'fulfilled';
      } catch (error) {
        const { code, name } = error as { code?: string; name: string };
        return code ?? name;
      }
    };
    const trainer = await Trainer.create({ base, device: 'wasm' });
    const early = await codeOf(() => trainer.sharedHead(['warm', 'cold']));
    await trainer.add('warm', [await window.coloured([200, 80, 60], 1)]);
    await trainer.add('cold', [await window.coloured([60, 80, 200], 2)]);
    const head = trainer.sharedHead(['warm', 'cold']);
    const update = await trainer.exportUpdate(head);
    const next = await trainer.applyAverage(head, [update]);
    const noisy = await trainer.exportUpdate(next, { clip: 0.1, noiseMultiplier: 2 });
    const again = await trainer.exportUpdate(next, { clip: 0.1, noiseMultiplier: 2 });
    const change = update.change.slice();
    change[0] = Number.NaN;
    const average = (changed: object) =>
      codeOf(() => trainer.applyAverage(head, [{ ...update, ...changed }]));
    const result = {
      early,
      right: await average({}),
      labels: await average({ labels: ['cold', 'warm'] }),
      round: await average({ round: 3 }),
      base: await average({ base: 'other 1.0.0' }),
      short: await average({ change: change.subarray(1) }),
      nan: await average({ change }),
      weight: await average({ weight: -1 }),
      nothing: await codeOf(() => trainer.applyAverage(head, [])),
      head: await codeOf(() => trainer.modelOf({ ...head, dimensions: 4 })),
      strange: await codeOf(() => trainer.exportUpdate(trainer.sharedHead(['warm', 'hot']))),
      clip: await codeOf(() => trainer.exportUpdate(head, { noiseMultiplier: 1 })),
      once: await codeOf(() => trainer.sharedHead(['warm', 'warm'])),
      rounds: [head.round, next.round],
      noise: [noisy.weight, noisy.privacy !== null, noisy.change[0] !== again.change[0]],
      weight2: update.weight,
    };
    const classifier = await trainer.modelOf(next).classifier({ device: 'wasm' });
    const [best] = await classifier.classify(await window.coloured([210, 70, 60], 5));
    classifier.destroy();
    trainer.destroy();
    return { ...result, best: best?.label };
  }, serveBase(server));
  expect(codes).toEqual({
    early: 'invalid-argument',
    right: 'fulfilled',
    labels: 'invalid-argument',
    round: 'invalid-argument',
    base: 'invalid-argument',
    short: 'invalid-argument',
    nan: 'invalid-argument',
    weight: 'invalid-argument',
    nothing: 'invalid-argument',
    head: 'invalid-argument',
    strange: 'invalid-argument',
    clip: 'invalid-argument',
    once: 'invalid-argument',
    rounds: [0, 1],
    noise: [1, true, true],
    weight2: 2,
    best: 'warm',
  });
});
