/** The embedded model `everyday` in the browser: as right as natively, on thousands of pictures. */
import { readFileSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { sharedFolder } from './server.js';

/**
 * What native onnxruntime reaches on the same pictures, the first of each class:
 * `python models/everyday/recipe/evaluate.py models/everyday/everyday.fp16.onnx --limit 20` (CIFAR-100)
 * and `--limit 200` (CIFAR-10).
 */
const splits = [
  { set: 'cifar100', perClass: 20, native: 0.6975 },
  { set: 'cifar10', perClass: 200, native: 0.815 },
] as const;

/** Tiles of a sheet: 32 × 32 pixels, 50 a row. */
const tile = 32;
const tilesPerRow = 50;

for (const { set, perClass, native } of splits) {
  test(`everyday reaches its accuracy on 2,000 test pictures of ${set}`, async ({ open }) => {
    needsShared(`data/${set}`);
    test.setTimeout(300_000);
    const index = JSON.parse(readFileSync(`${sharedFolder}/data/index.json`, 'utf8')) as Record<
      string,
      { test: Record<string, number> }
    >;
    const names = Object.keys(index[set]?.test ?? {});
    const page = await open();
    const { right, asked, info } = await page.evaluate(
      async ({ set, names, perClass, tile, tilesPerRow }) => {
        const classifier = await window.tabserve.ImageClassifier.create({
          model: 'everyday',
          device: 'wasm',
        });
        let right = 0;
        let asked = 0;
        for (const name of names) {
          const sheet = await createImageBitmap(
            await (await fetch(`/shared/data/${set}/test/${name}.webp`)).blob(),
            { colorSpaceConversion: 'none' },
          );
          const context = new OffscreenCanvas(sheet.width, sheet.height).getContext('2d', {
            willReadFrequently: true,
          });
          if (!context) throw new Error('no 2d context');
          context.drawImage(sheet, 0, 0);
          const tiles = Array.from({ length: perClass }, (_, at) =>
            context.getImageData(
              (at % tilesPerRow) * tile,
              Math.floor(at / tilesPerRow) * tile,
              tile,
              tile,
            ),
          );
          const answers = await classifier.classify(tiles, { topK: 1 });
          const label = name.replaceAll('_', ' ');
          right += answers.filter(([best]) => best?.label === label).length;
          asked += answers.length;
        }
        return { right, asked, info: classifier.info };
      },
      { set, names, perClass, tile, tilesPerRow },
    );
    expect(info.model.name).toBe('everyday');
    expect(info.dtype).toBe('fp16');
    expect(asked).toBe(2000);
    const accuracy = right / asked;
    console.log(
      `${set}: ${(accuracy * 100).toFixed(2)} % in the browser, ${native * 100} % natively`,
    );
    expect(Math.abs(accuracy - native)).toBeLessThanOrEqual(0.003);
  });
}
