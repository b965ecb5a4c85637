/** What the cases work on: photos, a video, and the one model in each library's own format. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { packWeights } from '../../src/model/onnx/pack-weights.js';
import { mobileNetManifest, sha256 } from '../models.js';
import { renameTensors } from './rename.js';
import { type BenchServer, sharedFolder } from './server.js';
import { toTfjs } from './tfjs-model.js';

/** Two megapixels. */
const photoSize = { width: 1632, height: 1224 };
const photoNames = ['cat.bmp', 'hot_dog.jpg', 'bird.bmp', 'grace_hopper.bmp'];
const videoSize = { width: 640, height: 480, seconds: 4 };
const modelFile = (dtype: string) => `mobilenet_v2_1.0_224.${dtype}.onnx`;

/** How many photos there are. */
export const photoCount = photoNames.length;

/** Whether everything that is not part of the project is at hand; if not, what is missing. */
export function missingMaterial(): string | undefined {
  const wanted = [
    ...photoNames.map((name) => `images/photos/${name}`),
    `models/${modelFile('fp32')}`,
    'models/imagenet_1001.txt',
  ];
  return wanted.find((path) => !existsSync(join(sharedFolder, path)));
}

/** Makes the photos and the video on `page` and serves them and the models. */
export async function provideMaterial(server: BenchServer, page: Page): Promise<void> {
  await page.goto(`${server.origin}/pages/material.html`);
  await page.waitForFunction(() => 'makeVideo' in window);
  for (const [index, name] of photoNames.entries()) {
    const photo = await page.evaluate<string>(
      `makePhoto('/shared/images/photos/${name}', ${photoSize.width}, ${photoSize.height})`,
    );
    server.provide(`/material/photo-${index}.jpg`, Buffer.from(photo, 'base64'));
  }
  const { width, height, seconds } = videoSize;
  const video = await page.evaluate<string>(
    `makeVideo('/shared/images/photos/${photoNames[0]}', ${width}, ${height}, ${seconds})`,
  );
  server.provide('/material/video.webm', Buffer.from(video, 'base64'));

  const labels = readFileSync(join(sharedFolder, 'models/imagenet_1001.txt'), 'utf8')
    .trim()
    .split('\n');
  server.provide('/material/mobilenet/model.json', JSON.stringify(manifest(labels)));
  providePacked(server, labels);
  provideHuggingFace(server, labels);
  provideTfjs(server);
}

function manifest(labels: string[]) {
  return {
    ...mobileNetManifest('fp32', labels),
    files: ['fp32', 'fp16', 'int8']
      .filter((dtype) => existsSync(join(sharedFolder, 'models', modelFile(dtype))))
      .map((dtype) => {
        // As `npx tabserve manifest` writes it.
        const content = readFileSync(join(sharedFolder, 'models', modelFile(dtype)));
        const url = `/shared/models/${modelFile(dtype)}`;
        return { url, dtype, bytes: content.length, sha256: sha256(content) };
      }),
  };
}

/** The model as `npx tabserve pack --weights int8` writes it. */
function providePacked(server: BenchServer, labels: string[]): void {
  const folder = '/material/mobilenet-int8-weights';
  const { model } = packWeights(readFileSync(join(sharedFolder, 'models', modelFile('fp32'))));
  const url = `${folder}/mobilenet.int8-weights.onnx`;
  const { length: bytes } = model;
  const file = { url, dtype: 'int8', weightsOnly: true, bytes, sha256: sha256(model) };
  server.provide(url, Buffer.from(model));
  server.provide(
    `${folder}/model.json`,
    JSON.stringify({ ...mobileNetManifest('fp32', labels), files: [file] }),
  );
}

/** The model in the layout of a Hugging Face repository, with the tensor names wanted there. */
function provideHuggingFace(server: BenchServer, labels: string[]): void {
  const folder = '/material/hf/mobilenet';
  server.provide(
    `${folder}/config.json`,
    JSON.stringify({
      model_type: 'mobilenet_v2',
      architectures: ['MobileNetV2ForImageClassification'],
      id2label: Object.fromEntries(labels.map((label, index) => [index, label])),
    }),
  );
  server.provide(
    `${folder}/preprocessor_config.json`,
    JSON.stringify({
      image_processor_type: 'MobileNetV2ImageProcessor',
      do_resize: true,
      size: { shortest_edge: 256 },
      resample: 2,
      do_center_crop: true,
      crop_size: { width: 224, height: 224 },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    }),
  );
  const model = readFileSync(join(sharedFolder, 'models', modelFile('fp32')));
  const renamed = renameTensors(model, { input: 'pixel_values', probabilities: 'logits' });
  server.provide(`${folder}/onnx/model.onnx`, Buffer.from(renamed));
}

function provideTfjs(server: BenchServer): void {
  const model = readFileSync(join(sharedFolder, 'models', modelFile('fp32')));
  const { json, weights } = toTfjs(model, 'weights.bin');
  server.provide('/material/tfjs/model.json', JSON.stringify(json));
  server.provide('/material/tfjs/weights.bin', weights);
}
