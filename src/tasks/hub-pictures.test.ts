/** Repositories of pictures' models as manifests: those of `e2e/vision/golden`, and what real ones differ in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../base/errors.js';
import type { TensorInfo } from '../base/tensor.js';
import type { HubTask } from '../model/translation.js';
import { golden } from '../testing/vision-golden.js';
import { hubTask as audio } from './audio-classification/hub.js';
import { hubTask as embedding } from './image-embedding/hub.js';
import { hubTask as segmentation } from './image-segmentation/hub.js';
import { hubTask as detection } from './object-detection/hub.js';

interface Files {
  config: Record<string, unknown>;
  preprocessor?: Record<string, unknown>;
}
const detectors = golden<{ cases: Record<string, Files> }>('detection.json').cases;
const { segformer } = golden<{ segformer: Files }>('segmentation.json');
const embedders = golden<Record<string, Files>>('embedding.json');

const tensor = (name: string, ...shape: (number | string)[]): TensorInfo => ({
  name,
  type: 'float32',
  shape,
});
const picture = tensor('pixel_values', 1, 3, 'height', 'width');

/** What the tasks make of a repository. */
function translated(
  { config, preprocessor }: Files,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
) {
  const where = 'hf:o/n';
  const tasks: readonly HubTask[] = [audio, detection, segmentation, embedding];
  const task = tasks.find((each) => each.recognises({ config, preprocessor }));
  if (!task) return null;
  const { fields, warnings } = task.describe({
    where,
    config,
    preprocessor,
    more: {},
    processor: 'slow',
    find: () => undefined,
    addressOf: (p) => p,
  });
  const core = { name: 'o/n', version: '0.0.0', files: [{ url: 'm.onnx', dtype: 'fp32' }] };
  const manifest = task.check({ ...core, ...fields }, where);
  const request = { manifest, open: 'names' as const, inputs, outputs, graph: null, where };
  return { manifest: task.complete(request, null, []), warnings };
}

const detrOutputs = [tensor('logits', 1, 24, 6), tensor('pred_boxes', 1, 24, 4)];

describe('detectors', () => {
  it.each([
    ['detr', 'softmax'],
    ['yolos', 'softmax'],
    ['rt_detr', 'sigmoid'],
  ])('%s', (name, activation) => {
    const mask: TensorInfo = { ...tensor('pixel_mask', 1, 'h', 'w'), type: 'int64' };
    const inputs = name === 'detr' ? [picture, mask] : [picture];
    const found = translated(detectors[name] as Files, inputs, detrOutputs);
    expect(found?.warnings).toEqual([]);
    expect(found?.manifest).toMatchObject({
      task: 'object-detection',
      labels: ['cat', 'dog', 'bird', 'fish', 'horse'],
      input: { name: 'pixel_values', ...(name === 'detr' && { mask: 'pixel_mask' }) },
      output: { format: 'detr', activation, logits: 'logits', boxes: 'pred_boxes' },
    });
  });

  it('of the first years: a size and max_size, and padding to the batch', () => {
    const preprocessor = {
      feature_extractor_type: 'DetrFeatureExtractor',
      format: 'coco_detection',
      size: 800,
      max_size: 1000,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    };
    const { config } = detectors.detr as Files;
    const found = translated({ config, preprocessor }, [picture], detrOutputs);
    expect(found?.warnings).toEqual([expect.stringContaining('1000 × 1000')]);
    expect(found?.manifest).toMatchObject({
      input: { width: 1000, height: 1000 },
      preprocess: {
        resize: { policy: 'shorter-side', size: 800, longest: 1000 },
        pad: { policy: 'bottom-right', width: 1000, height: 1000 },
      },
    });
    // A graph of one size is padded to that.
    const fixed = tensor('pixel_values', 1, 3, 1024, 1088);
    expect(translated({ config, preprocessor }, [fixed], detrOutputs)?.manifest).toMatchObject({
      input: { width: 1088, height: 1024 },
      preprocess: { pad: { width: 1088, height: 1024 } },
    });
  });

  it('that answer their best hundred', () => {
    const { config, preprocessor } = detectors.detr as Required<Files>;
    for (const model_type of ['conditional_detr', 'dab-detr', 'deformable_detr']) {
      const found = translated(
        { config: { ...config, model_type }, preprocessor },
        [picture],
        detrOutputs,
      );
      expect(found?.manifest).toMatchObject({ output: { activation: 'sigmoid', best: 100 } });
    }
  });

  it('that bring pictures into a size, to which they are padded', () => {
    const { config } = detectors.detr as Files;
    const preprocessor = {
      image_processor_type: 'DetrImageProcessor',
      size: { max_height: 640, max_width: 800 },
    };
    const found = translated({ config, preprocessor }, [picture], detrOutputs);
    expect(found?.warnings).toEqual([expect.stringContaining('800 × 640')]);
    expect(found?.manifest).toMatchObject({
      input: { width: 800, height: 640 },
      preprocess: {
        resize: { policy: 'fit', rounding: 'floor' },
        pad: { width: 800, height: 640 },
      },
    });
  });

  it('whose processor wants a number for a square, or none', () => {
    const { config } = detectors.rt_detr as Files;
    const preprocessor = { image_processor_type: 'RTDetrImageProcessor', size: 96 };
    // Transformers: "Size must contain 'height' and 'width' keys …".
    expect(() => translated({ config, preprocessor }, [picture], detrOutputs)).toThrow(
      expect.objectContaining({ code: 'manifest-invalid' }),
    );
    const square = { ...preprocessor, default_to_square: true };
    const found = translated({ config, preprocessor: square }, [picture], detrOutputs);
    expect(found?.manifest).toMatchObject({ input: { width: 96, height: 96 } });
  });

  it('of unknown kinds, and graphs without boxes, are refused', () => {
    const { config, preprocessor } = detectors.detr as Required<Files>;
    const owl = { ...config, model_type: 'owlvit', architectures: ['OwlViTForObjectDetection'] };
    expect(() => translated({ config: owl, preprocessor }, [picture], detrOutputs)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
    const logits = detrOutputs.slice(0, 1);
    expect(() => translated({ config, preprocessor }, [picture], logits)).toThrow(
      expect.objectContaining({ code: 'model-invalid' }),
    );
  });
});

describe('segmenters', () => {
  it('SegFormer', () => {
    const found = translated(segformer, [picture], [tensor('logits', 1, 6, 16, 24)]);
    expect(found?.warnings).toEqual([]);
    expect(found?.manifest).toMatchObject({
      task: 'image-segmentation',
      labels: ['wall', 'sky', 'tree', 'road', 'car', 'person'],
      input: { width: 96, height: 64 },
      output: { kind: 'semantic', name: 'logits' },
    });
  });

  it('of one mask', () => {
    const config = { architectures: ['BriaRMBG'], model_type: 'SegformerForSemanticSegmentation' };
    const preprocessor = {
      feature_extractor_type: 'ImageFeatureExtractor',
      size: { width: 1024, height: 1024 },
      image_mean: [0.5, 0.5, 0.5],
      image_std: [1, 1, 1],
    };
    const inputs = [tensor('input', 'n', 3, 1024, 1024)];
    const found = translated({ config, preprocessor }, inputs, [
      tensor('output', 'n', 1, 1024, 1024),
    ]);
    expect(found?.manifest).toMatchObject({
      output: { kind: 'mask', name: 'output', activation: 'sigmoid' },
    });
    expect(found?.manifest.labels).toBeUndefined();
  });
});

it('what a processor does not do, and what it does otherwise here, is said', () => {
  const config = {
    architectures: ['DPTForSemanticSegmentation'],
    model_type: 'dpt',
    id2label: { 0: 'wall', 1: 'sky' },
  };
  const preprocessor = {
    image_processor_type: 'DPTImageProcessor',
    size: 400,
    ensure_multiple_of: 32,
    keep_aspect_ratio: true,
    do_center_crop: true,
    crop_size: 64,
    do_flip_channel_order: true,
    do_pad: true,
  };
  const found = translated({ config, preprocessor }, [picture], [tensor('logits', 1, 2, 12, 12)]);
  // Python's round(400 / 32) is 12.
  expect(found?.manifest).toMatchObject({
    input: { width: 384, height: 384, colorOrder: 'RGB' },
    preprocess: { resize: { policy: 'exact', filter: 'bicubic' } },
  });
  expect(found?.warnings).toEqual([
    expect.stringContaining('does not pad'),
    expect.stringContaining('does not crop'),
    expect.stringContaining('384 × 384'),
    expect.stringContaining('does not turn channels'),
  ]);
});

describe('embedders', () => {
  const hidden = tensor('last_hidden_state', 1, 17, 32);
  it.each<[string, TensorInfo[], object]>([
    ['vit', [hidden, tensor('pooler_output', 1, 32)], { name: hidden.name, pooling: 'cls' }],
    [
      'dinov2',
      [hidden, tensor('pooler_output', 1, 32)],
      { name: 'pooler_output', pooling: 'none' },
    ],
    ['clip', [hidden, tensor('image_embeds', 1, 24)], { name: 'image_embeds', pooling: 'none' }],
    [
      'resnet',
      [tensor('last_hidden_state', 1, 24, 2, 2)],
      { name: 'last_hidden_state', pooling: 'average' },
    ],
    ['timm', [tensor('features', 1, 256)], { name: 'features', pooling: 'none' }],
  ])('%s', (name, outputs, output) => {
    const found = translated(embedders[name] as Files, [picture], outputs);
    expect(found?.warnings).toEqual([]);
    expect(found?.manifest).toMatchObject({ task: 'image-embedding', output });
  });

  it('of parts alone have no class token', () => {
    const { preprocessor } = embedders.vit as Required<Files>;
    const config = { architectures: ['Swinv2Model'], model_type: 'swinv2' };
    const found = translated({ config, preprocessor }, [picture], [hidden]);
    expect(found?.manifest).toMatchObject({ output: { pooling: 'mean' } });
  });

  it('are no classifiers, no texts and no sounds', () => {
    const { preprocessor } = embedders.vit as Required<Files>;
    const classifier = { architectures: ['ViTForImageClassification'], model_type: 'vit' };
    expect(translated({ config: classifier, preprocessor }, [], [])).toBeNull();
    const text = { architectures: ['BertModel'], model_type: 'bert' };
    expect(translated({ config: text }, [], [])).toBeNull();
  });
});

it('any JSON as the files of a repository, and any graph, end in a manifest or in a typed error', () => {
  const json = fc.jsonValue({ maxDepth: 2 });
  const mostly = <T>(arbitrary: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 6, arbitrary }, { weight: 1, arbitrary: json });
  const side = mostly(fc.constantFrom(64, 80, 0, -1, 1e9));
  const config = fc.record(
    {
      architectures: mostly(
        fc.constantFrom(
          ['DetrForObjectDetection'],
          ['SegformerForSemanticSegmentation'],
          ['BiRefNet'],
          ['ViTModel'],
        ),
      ),
      model_type: mostly(fc.constantFrom('detr', 'yolos', 'rt_detr', 'segformer', 'vit')),
      id2label: mostly(fc.constant({ 0: 'a', 1: 'b' })),
      license: json,
    },
    { requiredKeys: [] },
  );
  const preprocessor = mostly(
    fc.record(
      {
        image_processor_type: mostly(fc.constantFrom('DetrImageProcessor', 'ViTImageProcessor')),
        image_mean: mostly(fc.constant([0.5, 0.5, 0.5])),
        size: mostly(
          fc.oneof(
            fc.record({ shortest_edge: side, longest_edge: side }, { requiredKeys: [] }),
            fc.record({ height: side, width: side }),
            side,
          ),
        ),
        max_size: side,
        do_pad: mostly(fc.boolean()),
        pad_size: mostly(fc.constant({ height: 80, width: 80 })),
      },
      { requiredKeys: [] },
    ),
  );
  const info = fc.record({
    name: fc.constantFrom('logits', 'pred_boxes', 'pixel_values', 'pixel_mask', 'x'),
    type: fc.constantFrom('float32', 'int64', 'string'),
    shape: fc.array(fc.oneof(fc.nat({ max: 100 }), fc.constant('n')), { maxLength: 5 }),
  });
  const tensors = fc.array(info, { maxLength: 3 });
  let described = 0;
  fc.assert(
    fc.property(config, preprocessor, tensors, tensors, (config, preprocessor, inputs, outputs) => {
      try {
        const files = { config, preprocessor } as Files;
        if (translated(files, inputs, outputs)) described += 1;
      } catch (error) {
        expect(isTabserveError(error)).toBe(true);
      }
    }),
    { numRuns: 5_000 },
  );
  // The right ones are among them.
  expect(described).toBeGreaterThan(20);
});
