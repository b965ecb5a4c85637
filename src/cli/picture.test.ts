import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createPreprocessor } from '../input/image/preprocess.js';
import type { ModelInput, Preprocess } from '../model/manifest.js';
import { readPicture } from './picture.js';

const shared = join(import.meta.dirname, '../../../shared');
const hasShared = existsSync(join(shared, 'reference.json'));

const input: ModelInput = {
  name: 'x',
  layout: 'NCHW',
  dtype: 'float32',
  width: 224,
  height: 224,
  channels: 3,
  colorOrder: 'RGB',
};
const preprocess: Preprocess = {
  resize: { policy: 'shorter-side', size: 256, filter: 'bilinear' },
  crop: { policy: 'center', width: 224, height: 224 },
};

// The photos are no part of the project: without ../shared this is skipped.
test.skipIf(!hasShared)("JPEG files give Pillow's pixels", { timeout: 120_000 }, async () => {
  const { images } = JSON.parse(readFileSync(join(shared, 'reference.json'), 'utf8')) as {
    images: { file: string; crop_sha256: string }[];
  };
  const { crop } = createPreprocessor(input, preprocess);
  const different: string[] = [];
  const readable = images.filter(({ file }) => /\.(jpe?g|png)$/i.test(file));
  for (const { file, crop_sha256: expected } of readable) {
    const source = await readPicture(join(shared, 'images/photos', file));
    const { data } = await crop(source);
    source.close();
    if (createHash('sha256').update(data).digest('hex') !== expected) different.push(file);
  }
  expect(readable.length).toBeGreaterThan(50);
  expect(different).toEqual([]);
});

test('a PNG file gives its pixels, with transparency', async () => {
  const seven = await readPicture(join(import.meta.dirname, '../../e2e/embed/seven.png'));
  const rect = { x: 0, y: 0, width: seven.width, height: seven.height };
  const pixels = new Uint8Array(rect.width * rect.height * 4);
  await seven.read(rect, pixels);
  seven.close();
  const levels = new Set(pixels.filter((_, at) => at % 4 === 0));
  expect(Math.max(...levels) - Math.min(...levels)).toBeGreaterThan(200);
  expect(pixels[3]).toBe(255);
});

test('what is no JPEG or PNG is refused in words', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabserve-picture-'));
  try {
    const path = join(folder, 'a.webp');
    await writeFile(path, 'RIFF0000WEBPVP8 ');
    await expect(readPicture(path)).rejects.toThrow(/is webp; this takes JPEG and PNG/);
    const broken = join(folder, 'a.png');
    await writeFile(broken, Buffer.from('89504e470d0a1a0a00000000', 'hex'));
    await expect(readPicture(broken)).rejects.toThrow(/damaged/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
