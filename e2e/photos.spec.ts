/** Real photos against the Python reference: the same pixels, the same answers. */
import { readFileSync } from 'node:fs';
import { expect, needsShared, test } from './fixtures.js';
import { cropProbe, mobileNetManifest, serveModel } from './models.js';
import { sharedFolder } from './server.js';

interface Reference {
  images: {
    file: string;
    crop_sha256: string;
    top5: Record<`mobilenet_v2_1.0_224.${'fp32' | 'int8'}`, [index: number, score: number][]>;
  }[];
}

const readReference = (): Reference =>
  JSON.parse(readFileSync(`${sharedFolder}/reference.json`, 'utf8'));

test.describe('photos', () => {
  needsShared('reference.json');

  for (const kind of ['Blob', 'img', 'ImageBitmap'] as const) {
    test(`the preprocessed crop of every photo equals Pillow's bit for bit, from ${kind}`, async ({
      open,
      server,
    }) => {
      const model = serveModel(server, '/crop-probe', cropProbe.manifest, cropProbe.model);
      const page = await open();
      const { images } = readReference();
      const hashes = await page.evaluate(
        async ({ model, files, kind }) => {
          const classifier = await window.tabserve.ImageClassifier.create({
            model,
            device: 'wasm',
          });
          const hashes: Record<string, string> = {};
          for (const file of files) {
            const url = `/shared/images/photos/${file}`;
            let image: Blob | HTMLImageElement | ImageBitmap;
            if (kind === 'img') {
              image = new Image();
              image.src = url;
            } else {
              image = await (await fetch(url)).blob();
              if (kind === 'ImageBitmap') {
                image = await createImageBitmap(image, { colorSpaceConversion: 'none' });
              }
            }
            const answers = await classifier.classify(image, { topK: 224 * 224 * 3 });
            const bytes = new Uint8Array(answers.length);
            for (const { index, score } of answers) bytes[index] = score;
            const digest = await crypto.subtle.digest('SHA-256', bytes);
            hashes[file] = Array.from(new Uint8Array(digest), (byte) =>
              byte.toString(16).padStart(2, '0'),
            ).join('');
          }
          classifier.destroy();
          return hashes;
        },
        { model, kind, files: images.map(({ file }) => file) },
      );
      expect(hashes).toEqual(
        Object.fromEntries(images.map((image) => [image.file, image.crop_sha256])),
      );
    });
  }

  for (const dtype of ['fp32', 'fp16', 'int8'] as const) {
    test(`MobileNetV2 ${dtype} on WASM answers as native onnxruntime`, async ({ open, server }) => {
      const { images } = readReference();
      const labels = readFileSync(`${sharedFolder}/models/imagenet_1001.txt`, 'utf8')
        .trimEnd()
        .split('\n');
      const path = `/mobilenet-${dtype}/model.json`;
      server.route(path, mobileNetManifest(dtype, labels));
      const page = await open();
      const answers = await page.evaluate(
        async ({ model, files }) => {
          const classifier = await window.tabserve.ImageClassifier.create({
            model,
            device: 'wasm',
          });
          const answers = await classifier.classify(
            files.map((file) => `/shared/images/photos/${file}`),
          );
          classifier.destroy();
          return answers;
        },
        { model: path, files: images.map(({ file }) => file) },
      );

      if (dtype === 'fp32') {
        images.forEach(({ file, top5 }, at) => {
          const scoreOf = new Map(answers[at]?.map(({ index, score }) => [index, score]));
          for (const [index, score] of top5['mobilenet_v2_1.0_224.fp32']) {
            expect(scoreOf.get(index), `${file}, class ${index}`).toBeCloseTo(score, 3);
          }
        });
      } else {
        // fp16 has no reference of its own: it must agree with fp32's.
        const key = `mobilenet_v2_1.0_224.${dtype === 'int8' ? 'int8' : 'fp32'}` as const;
        const agreeing = images.filter(
          ({ top5 }, at) => answers[at]?.[0]?.index === top5[key][0]?.[0],
        );
        expect(agreeing.length).toBeGreaterThanOrEqual(55);
      }
    });
  }

  test("quality 'fast' leaves large photos their best answers", async ({ open, server }) => {
    needsShared('images/edge/photo_24mp.jpg');
    const labels = readFileSync(`${sharedFolder}/models/imagenet_1001.txt`, 'utf8')
      .trimEnd()
      .split('\n');
    server.route('/mobilenet/model.json', mobileNetManifest('fp32', labels));
    const page = await open();
    const files = readReference()
      .images.slice(0, 12)
      .map(({ file }) => `/shared/images/photos/${file}`);
    const answers = await page.evaluate(
      async ({ files, large }) => {
        const classifier = await window.tabserve.ImageClassifier.create({
          model: '/mobilenet/model.json',
          device: 'wasm',
        });
        const photos = [await (await fetch(large)).blob()];
        for (const file of files) {
          const bitmap = await createImageBitmap(await (await fetch(file)).blob());
          const { width, height } = bitmap;
          const canvas = new OffscreenCanvas(width * 4, height * 4);
          canvas.getContext('2d')?.drawImage(bitmap, 0, 0, width * 4, height * 4);
          photos.push(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 }));
        }
        const answers = [];
        for (const photo of photos) {
          const [exact] = await classifier.classify(photo);
          const [fast] = await classifier.classify(photo, { quality: 'fast' });
          answers.push({ exact, fast });
        }
        classifier.destroy();
        return answers;
      },
      { files, large: '/shared/images/edge/photo_24mp.jpg' },
    );
    expect(answers).toHaveLength(13);
    for (const [at, { exact, fast }] of answers.entries()) {
      expect(fast?.label, `${at}`).toBe(exact?.label);
      expect(Math.abs((fast?.score ?? 0) - (exact?.score ?? 0)), `${at}`).toBeLessThan(0.1);
    }
    // Other pixels have other scores.
    const changed = answers.filter(({ exact, fast }) => fast?.score !== exact?.score);
    expect(changed.length).toBeGreaterThan(10);
  });
});
