/** Difficult and broken pictures: each has a stated outcome, and never takes the page down. */
import { existsSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { meanColour, serveModel } from './models.js';
import { sharedFolder } from './server.js';

/** The mean colour that Pillow sees (0…255, after EXIF orientation, over white), or the error. */
const outcomes: Readonly<Record<string, [red: number, green: number, blue: number] | string>> = {
  'animated.gif': [156.9, 103.6, 81.2],
  'bitflipped.jpg': 'image-undecodable',
  'bomb_60000x60000.png': 'image-too-large',
  'cmyk.jpg': [157.1, 103.7, 81.4],
  'exif_orientation_1.jpg': [157.1, 103.6, 81.4],
  'exif_orientation_6.jpg': [157.2, 103.7, 81.4],
  // Pillow has no 8-bit reading of 16-bit grey; the same picture as grayscale.jpg has this one.
  'gray16.png': [117, 117, 117],
  'grayscale.jpg': [117, 117, 117],
  'html_404.png': 'image-undecodable',
  'icc_srgb.jpg': [157.1, 103.7, 81.4],
  'lossless.webp': [157.1, 103.6, 81.4],
  'one_pixel.png': [200, 30, 30],
  'palette_transparent.png': [157, 103.6, 81.4],
  'photo.bmp': [157.1, 103.6, 81.4],
  'photo.webp': [157.3, 103.6, 81.4],
  'photo_24mp.jpg': [157.2, 103.6, 81.4],
  'rgba_alpha.png': [193.1, 162.5, 147.4],
  'strip_20000x10.png': [127, 127, 127],
  'tall_10x8000.png': [127, 127, 127],
  'text_renamed.jpg': 'image-undecodable',
  'truncated.jpg': 'image-undecodable',
  // Drawn by the browser; Pillow reads no SVG.
  'vector.svg': [246.4, 151.6, 151.6],
  'vector_no_size.svg': [151.5, 211.9, 151.5],
  'zero_bytes.jpg': 'image-undecodable',
};

for (const from of ['URL', 'Blob'] as const) {
  test(`every difficult picture has its outcome, from ${from}`, async ({ open, server }) => {
    needsShared('images/edge');
    serveModel(server, '/mean', meanColour.manifest, meanColour.model);
    const page = await open();
    const files = Object.keys(outcomes).filter((file) =>
      existsSync(`${sharedFolder}/images/edge/${file}`),
    );
    expect(files).toEqual(Object.keys(outcomes));
    const found = await page.evaluate(
      async ({ files, from }) => {
        const classifier = await window.tabserve.ImageClassifier.create({
          model: '/mean/model.json',
          device: 'wasm',
        });
        const found: Record<string, number[] | string> = {};
        for (const file of files) {
          const url = `/shared/images/edge/${file}`;
          const image = from === 'URL' ? url : await (await fetch(url)).blob();
          found[file] = await classifier.classify(image).then(
            (answers) => answers.sort((a, b) => a.index - b.index).map(({ score }) => score * 255),
            (error: { code: string }) => error.code,
          );
        }
        return found;
      },
      { files, from },
    );
    for (const [file, outcome] of Object.entries(outcomes)) {
      if (typeof outcome === 'string') {
        expect(found[file], file).toBe(outcome);
      } else {
        const colour = found[file];
        if (!Array.isArray(colour)) throw new Error(`${file}: ${colour}`);
        colour.forEach((value, channel) => {
          expect(Math.abs(value - (outcome[channel] ?? 0)), `${file}, ${colour}`).toBeLessThan(0.5);
        });
      }
    }
  });
}

test('EXIF orientation turns the picture upright', async ({ open, server }) => {
  needsShared('images/edge');
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  const page = await open();
  const [upright, turned] = await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/mean/model.json',
      device: 'wasm',
    });
    // A corner's colour tells which way up the picture is.
    const crop = { x: 0, y: 0, width: 200, height: 150 };
    const answers = await classifier.classify(
      [1, 6].map((orientation) => `/shared/images/edge/exif_orientation_${orientation}.jpg`),
      { crop },
    );
    return answers.map((each) => each.sort((a, b) => a.index - b.index).map(({ score }) => score));
  });
  expect(turned).toHaveLength(3);
  turned?.forEach((score, channel) => {
    expect(score).toBeCloseTo(upright?.[channel] ?? Number.NaN, 2);
  });
});
