import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decode } from '../input/image/decode.js';
import { createPreprocessor } from '../input/image/preprocess.js';
import type { PixelImage } from '../input/image/types.js';
import { hubPicture } from '../testing/hub-picture.js';
import golden from './golden/processors.json' with { type: 'json' };
import { describeHubModel } from './huggingface.js';
import type { ZeroPadding } from './manifest.js';

interface Case {
  model_type: string;
  preprocessor: object;
  /** Height, width and digest for each of the sizes: on Pillow, and on torchvision. */
  results?: (string | number)[][];
  fast?: (string | number)[][];
  mean: number[];
  std: number[];
}

const cases = golden.cases as Case[];

function describeCase({ model_type, preprocessor }: Case, processor: 'slow' | 'fast') {
  const config = { model_type, id2label: { 0: 'cat', 1: 'dog' } };
  return describeHubModel({ where: 'hf:a/b', config, preprocessor, processor });
}

async function pixelsOf(
  { input, preprocess }: Pick<ReturnType<typeof describeHubModel>, 'input' | 'preprocess'>,
  [width, height]: readonly number[],
) {
  const source = await decode(hubPicture(width as number, height as number));
  const pixels = await createPreprocessor(input, preprocess).crop(source);
  source.close();
  return preprocess.pad ? padded(pixels, preprocess.pad) : pixels;
}

/** The tensor is padded, not the picture. */
function padded({ data, ...from }: PixelImage, { width, height }: ZeroPadding): PixelImage {
  const all = new Uint8Array(width * height * 3);
  for (let y = 0; y < from.height; y++) {
    all.set(data.subarray(y * from.width * 3, (y + 1) * from.width * 3), y * width * 3);
  }
  return { data: all, width, height, channels: 3 };
}

describe.each(['slow', 'fast'] as const)(
  "the same bytes as transformers' %s processors, the processor taken from model_type",
  (processor) => {
    const key = processor === 'fast' ? 'fast' : 'results';
    for (const [index, each] of cases.entries()) {
      const expected = each[key] ?? each.fast;
      test(`${index}: ${each.model_type} ${JSON.stringify(each.preprocessor)}`, async () => {
        const { input, preprocess } = describeCase(each, processor);
        const isTurned = input.colorOrder === 'BGR';
        for (const [at, size] of golden.sizes.entries()) {
          const { data, height, width } = await pixelsOf({ input, preprocess }, size);
          // The tensor is turned, not the picture.
          if (isTurned) for (let i = 0; i < data.length; i += 3) data.subarray(i, i + 3).reverse();
          const digest = createHash('sha256').update(data).digest('hex').slice(0, 24);
          expect([height, width, digest]).toEqual(expected?.[at]);
        }
        if (each.model_type === 'efficientnet') return;
        const turned = (list: number[]) => (isTurned ? [...list].reverse() : list);
        expect(preprocess.mean).toEqual(turned(each.mean));
        expect(preprocess.std).toEqual(turned(each.std));
      });
    }
  },
);

test('fast and slow processors give other bytes', () => {
  const other = cases.filter(({ results, fast }) => results && `${results}` !== `${fast}`);
  expect(other.length).toBeGreaterThan(30);
});

test("DINOv3's fractions are not rounded: the bytes are at most one step off, and that is said", async () => {
  const { preprocessor, size, numbers } = golden.dinov3;
  const described = describeHubModel({
    where: 'hf:a/b',
    config: { model_type: 'dinov3_vit', id2label: { 0: 'cat', 1: 'dog' } },
    preprocessor: { ...preprocessor, do_rescale: true },
  });
  expect(described.warnings).toContainEqual(expect.stringContaining('up to one step'));
  const { data } = await pixelsOf(described, size);
  const steps = Array.from(data, (byte, at) => Math.abs(byte - (numbers[at] as number)));
  expect(steps).toHaveLength(numbers.length);
  expect(Math.max(...steps)).toBeLessThan(1);
});

test.each(['imagegpt', 'siglip2', 'textnet', 'donut-swin'])(
  'a processor that no manifest can describe is refused in words: %s',
  (model_type) => {
    const wrong = { model_type, preprocessor: {}, mean: [], std: [] };
    expect(() => describeCase(wrong, 'slow')).toThrow(/which cannot be done here/);
  },
);
