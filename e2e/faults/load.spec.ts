/** More requests than a worker can take: bounds, order and memory. */
import { expect, test } from '../fixtures.js';
import { prepare } from './page.js';

test.beforeEach(async ({ open, server }) => prepare(await open(), server));

test('ten thousand waiting images hold no pixels, and can all be cancelled', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean({ maxQueue: 10_000 });
    const png = await window.pngOf('red', 1000);
    const img = new Image();
    img.src = URL.createObjectURL(png);
    await img.decode();
    // Every bitmap that is made for a request, on the page.
    let bitmaps = 0;
    const create = window.createImageBitmap;
    window.createImageBitmap = ((...args: Parameters<typeof create>) => {
      bitmaps += 1;
      return create(...args);
    }) as typeof create;
    const controller = new AbortController();
    const { signal } = controller;
    const asked = Array.from({ length: 10_000 }, (_, index) =>
      window.outcomeOf(classifier.classify(index % 2 ? img : png, { signal })),
    );
    const refused = await window.outcomeOf(classifier.classify(png));
    const answers = await Promise.all(asked.slice(0, 20));
    const { pending } = classifier.metrics();
    const bitmapsMade = bitmaps;
    controller.abort();
    const rest = [...new Set(await Promise.all(asked.slice(20)))];
    const after = await window.outcomeOf(classifier.classify(png));
    return { refused, answers: [...new Set(answers)], pending, bitmapsMade, rest, after };
  });
  expect(outcome.refused).toBe('queue-full');
  expect(outcome.answers).toEqual(['red']);
  expect(outcome.pending).toBeGreaterThan(9_900);
  // At most one per place, and a corner of each to see whether it may be read.
  expect(outcome.bitmapsMade).toBeLessThan(100);
  expect(outcome.rest).toContain('aborted');
  expect(outcome.rest.filter((each) => each !== 'aborted' && each !== 'red')).toEqual([]);
  expect(outcome.after).toBe('red');
});

test('waiting canvases are kept as they were, up to a limit', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const classifier = await window.createMean();
    const canvas = window.canvasOf('red', 2000);
    const context = canvas.getContext('2d');
    const asked: Promise<string>[] = [];
    for (const colour of ['red', 'lime', 'blue']) {
      if (context) context.fillStyle = colour;
      context?.fillRect(0, 0, 2000, 2000);
      asked.push(window.outcomeOf(classifier.classify(canvas)));
    }
    const shown = await Promise.all(asked);
    // 16 MB each, all in one tick.
    const many = await Promise.all(
      Array.from({ length: 60 }, () => window.outcomeOf(classifier.classify(canvas))),
    );
    const list = await classifier.classify(Array.from({ length: 30 }, () => canvas));
    return { shown, many, list: list.map((answers) => answers[0]?.label) };
  });
  expect(outcome.shown).toEqual(['red', 'green', 'blue']);
  expect(new Set(outcome.many)).toEqual(new Set(['blue', 'queue-full']));
  // 256 MiB have room for sixteen of them, and for what is in the worker already.
  const taken = outcome.many.filter((each) => each === 'blue').length;
  expect(taken).toBeGreaterThanOrEqual(16);
  expect(taken).toBeLessThanOrEqual(16 + 8);
  expect(new Set(outcome.list)).toEqual(new Set(['blue']));
});

test('the urgent goes first, models take turns, and the late cost nothing', async ({ page }) => {
  const outcome = await page.evaluate(async () => {
    const [one, two] = await Promise.all([window.createMean(), window.createMean()]);
    const png = await window.pngOf('red');
    const order: string[] = [];
    const ask = (
      classifier: typeof one,
      name: string,
      options: Parameters<typeof one.classify>[1] = {},
    ) =>
      window.outcomeOf(classifier.classify(png, options)).then((outcome) => {
        order.push(outcome === 'red' ? name : `${name}: ${outcome}`);
      });
    const flood = Array.from({ length: 60 }, () => ask(one, 'flood'));
    const low = ask(one, 'low', { priority: 'low' });
    const expired = ask(one, 'expired', { timeout: 1 });
    const neighbour = ask(two, 'neighbour');
    const high = ask(one, 'high', { priority: 'high' });
    await Promise.all([...flood, low, expired, neighbour, high]);
    return order;
  });
  const place = (name: string) => outcome.findIndex((each) => each.startsWith(name));
  expect(place('high')).toBeLessThan(12);
  expect(place('neighbour')).toBeLessThan(12);
  expect(place('low')).toBeGreaterThan(55);
  expect(outcome[place('expired')]).toBe('expired: timeout');
});
