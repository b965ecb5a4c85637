/**
 * What exact preprocessing of a 12-megapixel photo costs beside a canvas's quick one. Printed, not judged:
 * `TABSERVE_ROUNDS=9 npx playwright test preprocess-time --project=chromium`.
 */
import { expect, test } from './fixtures.js';
import { cropProbe, serveModel } from './models.js';

const rounds = Number(process.env.TABSERVE_ROUNDS ?? 1);

test('12 megapixels, against drawImage and getImageData', async ({ open, server }) => {
  test.setTimeout(600_000);
  const size = { width: 224, height: 224 };
  const model = serveModel(server, '/crop-probe', cropProbe.manifest, cropProbe.model);
  const page = await open();
  const medians = await page.evaluate(
    async ({ rounds, size, model }) => {
      const large = new OffscreenCanvas(4000, 3000);
      const context = large.getContext('2d');
      for (let n = 0; n < 800; n += 1) {
        if (!context) throw new Error('no 2d context');
        context.fillStyle = `hsl(${(n * 47) % 360} 80% 50%)`;
        context.fillRect((n * 977) % 4000, (n * 601) % 3000, 400, 300);
      }
      const photo = await large.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
      const baseline = new Worker(
        URL.createObjectURL(
          new Blob([
            `onmessage = async ({ data: { photo, width, height } }) => {
              const began = performance.now();
              const bitmap = await createImageBitmap(photo);
              const decoded = performance.now();
              const canvas = new OffscreenCanvas(width, height);
              const context = canvas.getContext('2d', { willReadFrequently: true });
              context.imageSmoothingQuality = 'high';
              context.drawImage(bitmap, 0, 0, width, height);
              context.getImageData(0, 0, width, height);
              const done = performance.now();
              bitmap.close();
              postMessage({ decode: decoded - began, preprocess: done - decoded });
            };`,
          ]),
        ),
      );
      const classifier = await window.tabserve.ImageClassifier.create({
        model,
        device: 'wasm',
      });
      const ours: { decode: number; preprocess: number }[] = [];
      const theirs: { decode: number; preprocess: number }[] = [];
      classifier.addEventListener('request', ({ detail }) => ours.push(detail.timings));
      for (let round = 0; round < rounds; round += 1) {
        await classifier.classify(photo, { topK: 1 });
        theirs.push(
          await new Promise((resolve) => {
            baseline.onmessage = ({ data }) => resolve(data);
            baseline.postMessage({ photo, ...size });
          }),
        );
      }
      const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
      const both = (list: typeof ours) => ({
        preprocess: median(list.map((each) => each.preprocess)),
        all: median(list.map((each) => each.decode + each.preprocess)),
      });
      return { ours: both(ours), theirs: both(theirs) };
    },
    { rounds, size, model },
  );
  const { ours, theirs } = medians;
  console.log(
    `tabserve ${ours.all.toFixed(0)} ms with decoding, ${ours.preprocess.toFixed(1)} without; canvas ${theirs.all.toFixed(0)} and ${theirs.preprocess.toFixed(1)}: ${(ours.all / theirs.all).toFixed(2)} and ${(ours.preprocess / theirs.preprocess).toFixed(2)} times`,
  );
  expect(ours.all).toBeGreaterThan(0);
});
