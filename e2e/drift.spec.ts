/** Drift of pictures, through the model server: silence over what is alike, an alert over what is not. */
import { openModelServer, registerAll } from './bridge/served.js';
import { expect, needsShared, test } from './fixtures.js';

const classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** Of each class so many are the reference and what is like it, and so many become worse. */
const alike = 550;
const worse = 20;

test('noise, blur and darkness are called within 200 pictures, and nothing over 5,000 clean ones', async ({
  page,
  server,
}) => {
  needsShared('data/cifar10');
  test.setTimeout(600_000);
  await openModelServer(page, server);
  await registerAll(page);
  const outcome = await page.evaluate(
    async ({ classes, alike, worse }) => {
      const tile = 32;
      const sheets = await Promise.all(
        classes.map(async (name) => {
          const response = await fetch(`/shared/data/cifar10/test/${name}.webp`);
          return createImageBitmap(await response.blob(), { colorSpaceConversion: 'none' });
        }),
      );
      const canvas = new OffscreenCanvas(tile, tile);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      if (!context) throw new Error('There is no 2d context.');
      let state = 7;
      const random = () => {
        state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
        return state / 2 ** 32;
      };
      const ways: Record<string, () => void> = {
        clean: () => undefined,
        dark: () => {
          context.fillStyle = 'rgb(0 0 0 / 70%)';
          context.fillRect(0, 0, tile, tile);
        },
        noise: () => {
          const pixels = context.getImageData(0, 0, tile, tile);
          for (let i = 0; i < pixels.data.length; i++)
            if (i % 4 < 3) pixels.data[i] = (pixels.data[i] as number) + (random() - 0.5) * 160;
          context.putImageData(pixels, 0, 0);
        },
        blur: () => undefined,
      };
      const ask = async (kind: number, index: number, way: string) => {
        const sheet = sheets[kind] as ImageBitmap;
        context.filter = way === 'blur' ? 'blur(2px)' : 'none';
        const [x, y] = [(index % 50) * tile, Math.floor(index / 50) * tile];
        context.drawImage(sheet, x, y, tile, tile, 0, 0, tile, tile);
        context.filter = 'none';
        ways[way]?.();
        const body = await canvas.convertToBlob();
        const url = new URL('/v2/models/everyday/infer', location.href);
        const response = await window.server.handle(new Request(url, { method: 'POST', body }));
        if (response.status !== 200) throw new Error(await response.text());
        await response.json();
      };
      const monitor = window.server.watchDrift('everyday', { brightness: true });
      let phase = 'clean';
      let asked = 0;
      const alerts: { phase: string; after: number; signals: string[] }[] = [];
      monitor.addEventListener('alert', ({ detail }) => {
        const signals = detail.findings.filter((each) => each.isDrift).map((each) => each.signal);
        alerts.push({ phase, after: asked, signals: [...new Set(signals)] });
      });
      const many = async (pictures: [number, number][], way: string) => {
        phase = way;
        asked = 0;
        for (const [kind, index] of pictures) {
          asked += 1;
          await ask(kind, index, way);
        }
        // Brightness is measured beside the requests.
        await new Promise((resolve) => setTimeout(resolve, 100));
      };
      const all = classes.flatMap((_, kind) =>
        Array.from({ length: 1000 }, (_each, index): [number, number] => [kind, index]),
      );
      const clean = all.filter(([, index]) => index < alike);
      for (let i = clean.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [clean[i], clean[j]] = [clean[j] as [number, number], clean[i] as [number, number]];
      }
      const others = (from: number) =>
        Array.from({ length: worse }, (_, index) => index + from).flatMap((index) =>
          classes.map((_each, kind): [number, number] => [kind, index]),
        );
      await many(clean, 'clean');
      const observed = monitor.report?.observed;
      let from = alike;
      for (const way of ['noise', 'blur', 'dark']) {
        await many(others(from), way);
        from += worse;
        // Back to what it was, until that is noticed.
        await many(others(from), 'back');
        from += worse;
      }
      const metrics = await window.server.handle(new Request(new URL('/metrics', location.href)));
      const text = await metrics.text();
      await window.server.close();
      return { alerts, observed, hasMetric: text.includes('tabserve_drift_ratio{') };
    },
    { classes, alike, worse },
  );
  console.log(JSON.stringify(outcome.alerts));
  expect(outcome.observed).toBe(5000);
  expect(outcome.hasMetric).toBe(true);
  const called = outcome.alerts.map(({ phase }) => phase);
  expect(called).toEqual(['noise', 'blur', 'dark']);
  for (const { after } of outcome.alerts) expect(after).toBeLessThanOrEqual(200);
});
