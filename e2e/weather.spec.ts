/**
 * Reload after reload in random network weather: it ends in the right model or in a typed error,
 * never in a wrong or half model.
 *
 * `TABSERVE_WEATHER=100` sets the number of reloads, `TABSERVE_SEED` (`faults/random.ts`) which ones.
 */
import type { ModelManifest } from '../src/index.js';
import { givenSeed } from './faults/random.js';
import { expect, test } from './fixtures.js';
import { meanColour, sha256 } from './models.js';
import { padded, writeOnnx } from './onnx.js';
import { hostFile, seededRandom, type Weather } from './weather.js';

const reloads = Number(process.env.TABSERVE_WEATHER ?? 12);
const seed = givenSeed();

const weathers: readonly Weather[] = [
  'cut',
  'stall',
  'slow',
  'error',
  'wrong',
  'truncated',
  'ending',
  'html',
  'redirect',
  'no-range',
  'new-etag',
];

/** Answers the mean colour times a number, so that models can be told apart by their scores. */
const variants = [0, 1, 2].map((variant) =>
  padded(
    writeOnnx({
      input: { name: 'input', type: 'float32', shape: ['N', 3, 8, 8] },
      nodes: [
        ...Array.from({ length: variant }, () => ({ op: 'Exp' })),
        { op: 'GlobalAveragePool' },
        { op: 'Flatten', attributes: { axis: 1 } },
      ],
      output: { name: 'mean', shape: ['N', 3] },
    }),
    800_000 + variant * 300_000,
  ),
);
/** e⁰…: the score of red on a red picture, by variant. */
const scores = [1, Math.E, Math.E ** Math.E];

const expectedCodes = ['network', 'integrity', 'model-invalid', 'model-not-found'];

test('reloads in bad weather end in the right model or a typed error', async ({
  server,
  open,
  page,
}) => {
  test.setTimeout(60_000 + reloads * 20_000);
  const random = seededRandom(seed);
  console.log(`weather: ${reloads} reloads, TABSERVE_SEED=${seed}`);
  const files = variants.map((bytes, variant) => {
    const file = hostFile(server, `/weather/${variant}/model.onnx`, bytes);
    file.weather = () =>
      random() < 0.4 ? 'fine' : (weathers[Math.floor(random() * weathers.length)] ?? 'fine');
    const manifest: ModelManifest = {
      ...meanColour.manifest,
      name: `weather-${variant}`,
      files: [{ url: 'model.onnx', dtype: 'fp32', bytes: bytes.length, sha256: sha256(bytes) }],
    };
    server.route(`/weather/${variant}/model.json`, manifest);
    return file;
  });
  const outcomes: Record<string, number> = {};
  for (let round = 0; round < reloads; round++) {
    const variant = Math.floor(random() * variants.length);
    const file = files[variant];
    if (!file) throw new Error('There is no such variant.');
    file.breakAt = random();
    await open();
    // Some visitors leave in the middle, some clear the store.
    const patience = random() < 0.2 ? Math.floor(random() * 1500) : null;
    const clear = random() < 0.3;
    const asked = page.evaluate(
      async ({ model, clear }) => {
        const { ImageClassifier, isTabserveError, models } = window.tabserve;
        try {
          if (clear) await models.evict(model).catch(() => undefined);
          const classifier = await ImageClassifier.create({
            model,
            device: 'wasm',
            stallTimeout: 700,
          });
          const canvas = new OffscreenCanvas(8, 8);
          const context = canvas.getContext('2d');
          if (!context) throw new Error('no 2d context');
          context.fillStyle = '#ff0000';
          context.fillRect(0, 0, 8, 8);
          const [best] = await classifier.classify(canvas);
          return { score: best?.score, label: best?.label, from: classifier.info.model.from };
        } catch (error) {
          return isTabserveError(error) ? { code: error.code } : { label: String(error) };
        }
      },
      { model: `/weather/${variant}/model.json`, clear },
    );
    if (patience !== null) {
      const left = new Promise((resolve) => setTimeout(resolve, patience, 'left'));
      const first = await Promise.race([asked.catch(() => 'left'), left]);
      if (first === 'left') {
        outcomes.left = (outcomes.left ?? 0) + 1;
        asked.catch(() => undefined);
        continue;
      }
    }
    const outcome = await asked;
    const note = `round ${round}, seed ${seed}: ${JSON.stringify(outcome)}`;
    if ('code' in outcome) {
      const { code = '' } = outcome;
      expect(expectedCodes, note).toContain(code);
      outcomes[code] = (outcomes[code] ?? 0) + 1;
    } else {
      expect(outcome, note).toMatchObject({ label: 'red' });
      const { score, from = '' } = outcome;
      expect(score, note).toBeCloseTo(scores[variant] ?? Number.NaN, 4);
      outcomes[from] = (outcomes[from] ?? 0) + 1;
    }
  }
  console.log('weather:', JSON.stringify(outcomes));
  // In fine weather every model is whole again.
  for (const file of files) file.weather = () => 'fine';
  await open();
  const labels = await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    return Promise.all(
      [0, 1, 2].map(async (variant) => {
        const model = `/weather/${variant}/model.json`;
        return (await ImageClassifier.create({ model, device: 'wasm' })).info.model.name;
      }),
    );
  });
  expect(labels).toEqual(['weather-0', 'weather-1', 'weather-2']);
});
