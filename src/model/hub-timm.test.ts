import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decode } from '../input/image/decode.js';
import { createPreprocessor } from '../input/image/preprocess.js';
import { hubPicture } from '../testing/hub-picture.js';
import golden from './golden/timm.json' with { type: 'json' };
import { describeHubModel } from './huggingface.js';

describe("every way in which timm's pretrained models prepare a picture, to the byte", () => {
  test.each(golden.cases)('$model', async ({ cfg, mean, std, results }) => {
    const config = { architecture: 'some', num_classes: 2, pretrained_cfg: cfg };
    const { input, preprocess, warnings } = describeHubModel({
      where: 'hf:timm/some',
      config,
      preprocessor: undefined,
    });
    expect(preprocess).toMatchObject({ mean, std });
    // The labels, and nothing of the pixels.
    expect(warnings).toHaveLength(1);
    const { crop } = createPreprocessor(input, preprocess);
    for (const [at, [width, height]] of golden.sizes.entries()) {
      const source = await decode(hubPicture(width as number, height as number));
      const pixels = await crop(source);
      source.close();
      const digest = createHash('sha256').update(pixels.data).digest('hex').slice(0, 24);
      expect([pixels.width, pixels.height, digest]).toEqual(results[at]);
    }
  });
});

const cfg = { input_size: [3, 64, 64] };
const describeConfig = (config: object) =>
  describeHubModel({ where: 'hf:timm/some', config, preprocessor: undefined });

describe('labels', () => {
  test.each<[string, object, string[]]>([
    ['a list beside', { label_names: ['cat', 'dog'], pretrained_cfg: cfg }, ['cat', 'dog']],
    ['a list within', { pretrained_cfg: { ...cfg, label_names: ['cat', 'dog'] } }, ['cat', 'dog']],
    [
      'by number',
      { label_names: { 1: 'dog', 0: 'cat' }, num_classes: 2, pretrained_cfg: cfg },
      ['cat', 'dog'],
    ],
    [
      'label2id alone',
      { label2id: { dog: 1, cat: 0 }, architecture: 'a', pretrained_cfg: cfg },
      ['cat', 'dog'],
    ],
    ['only their count, within', { pretrained_cfg: { ...cfg, num_classes: 3 } }, ['0', '1', '2']],
    ['an old flat file', { architecture: 'a', num_classes: 2, ...cfg }, ['0', '1']],
  ])('%s', (_what, config, labels) => {
    expect(describeConfig(config).labels).toEqual(labels);
  });
});

test('bicubic, where nothing is said, as timm', () => {
  expect(describeConfig({ num_classes: 2, pretrained_cfg: cfg }).preprocess.resize).toEqual({
    policy: 'crop-fraction',
    fraction: 0.875,
    filter: 'bicubic',
  });
});
