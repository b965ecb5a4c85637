import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decode } from '../input/image/decode.js';
import { createPreprocessor } from '../input/image/preprocess.js';
import type { CapturedImage } from '../input/image/types.js';
import golden from './golden/processors.json' with { type: 'json' };
import { describeHubModel } from './huggingface.js';

/** As the recipe's. */
function picture(width: number, height: number): CapturedImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const check = ((Math.floor(x / 16) + Math.floor(y / 16)) % 2) * 90;
      for (let c = 0; c < 3; c++) {
        data[at + c] = (x * x * 7 + y * y * 3 + x * y * 5 + c * 85 + check) % 256;
      }
      data[at + 3] = 255;
    }
  }
  return { kind: 'pixels', pixels: { data, width, height, channels: 4 } };
}

describe('the same bytes as transformers, the processor taken from model_type', () => {
  for (const [index, each] of golden.cases.entries()) {
    test(`${index}: ${each.model_type} ${JSON.stringify(each.preprocessor)}`, async () => {
      const { model_type, preprocessor } = each;
      const config = { model_type, id2label: { 0: 'cat', 1: 'dog' } };
      const { input, preprocess } = describeHubModel({ where: 'hf:a/b', config, preprocessor });
      const { crop } = createPreprocessor(input, preprocess);
      for (const [at, [width, height]] of golden.sizes.entries()) {
        const source = await decode(picture(width as number, height as number));
        const pixels = await crop(source);
        source.close();
        const digest = createHash('sha256').update(pixels.data).digest('hex').slice(0, 24);
        expect([pixels.height, pixels.width, digest]).toEqual(each.results[at]);
      }
      if (model_type !== 'efficientnet') {
        expect(preprocess.mean).toEqual(each.mean);
        expect(preprocess.std).toEqual(each.std);
      }
    });
  }
});
