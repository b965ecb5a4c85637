import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTabserveError } from '../../base/errors.js';
import type { Tensor, Tensors } from '../../base/tensor.js';
import { planGeometry } from '../../input/image/geometry.js';
import { inputToPicture } from '../../input/image/inverse.js';
import type { Preprocess } from '../../input/image/manifest.js';
import { golden, type PackedTensor, pictureSizes, unpacked } from '../../testing/vision-golden.js';
import { type DecodeContext, decode } from './decode.js';
import { iouOf, objectsOf } from './detect.js';
import type { DetectedObject, DetectionOutput } from './types.js';

type Which = keyof typeof pictureSizes;
interface Case {
  iou?: number;
  answers: Record<Which, { threshold: number; objects: DetectedObject[] }>;
  raw: Record<Which, Record<string, PackedTensor>>;
}
const { labels, cases, hundred } = golden<{
  labels: string[];
  cases: Record<string, Case>;
  hundred: {
    size: [width: number, height: number];
    objects: number[][];
    scores: number[];
    logits: PackedTensor;
    boxes: PackedTensor;
  };
}>('detection.json');

const padded: { size: number; preprocess: Preprocess } = {
  size: 80,
  preprocess: {
    resize: { policy: 'shorter-side', size: 48, longest: 80 },
    pad: { policy: 'bottom-right', width: 80, height: 80 },
  },
};
const exact: typeof padded = {
  size: 64,
  preprocess: { resize: { policy: 'exact', width: 64, height: 64 } },
};
const box = { width: 64, height: 64 };
const detrOutput = { format: 'detr', logits: 'logits', boxes: 'boxes' } as const;
const softmax: DetectionOutput = { ...detrOutput, activation: 'softmax' };
const sigmoid: DetectionOutput = { ...detrOutput, activation: 'sigmoid' };

const described: Record<string, { output: DetectionOutput } & typeof padded> = {
  detr: { output: softmax, ...padded },
  yolos: {
    output: softmax,
    size: 80,
    preprocess: {
      ...padded.preprocess,
      resize: { policy: 'shorter-side', size: 48, longest: 80, multipleOf: 16 },
    },
  },
  rt_detr: { output: sigmoid, ...exact },
  yolo: {
    output: { format: 'yolo', name: 'output0' },
    size: 64,
    preprocess: { resize: { policy: 'letterbox', ...box } },
  },
  yolox: {
    output: { format: 'yolox', name: 'output' },
    size: 64,
    preprocess: { resize: { policy: 'letterbox', ...box, align: 'top-left', rounding: 'floor' } },
  },
  ssd: {
    output: {
      format: 'ssd',
      boxes: 'boxes',
      scores: 'scores',
      classes: 'classes',
      count: 'count',
      corners: 'yxyx',
      firstClass: 1,
    },
    ...exact,
  },
};

function unpackedAll(raw: Record<string, PackedTensor>): Tensors {
  return Object.fromEntries(Object.entries(raw).map(([name, tensor]) => [name, unpacked(tensor)]));
}

function detect(name: string, which: Which, change: (outputs: Tensors) => Tensors = (x) => x) {
  const { output, size, preprocess } = described[name] as (typeof described)[string];
  const { answers, raw, iou = 'model' } = cases[name] as Case;
  const input = { width: size, height: size };
  const plan = planGeometry(pictureSizes[which], input, preprocess);
  const context = {
    input,
    canvas: plan.output,
    labels: labels.length,
    threshold: answers[which].threshold,
  };
  const candidates = decode(change(unpackedAll(raw[which])), output, context);
  const placement = { region: plan.region, ...inputToPicture(plan, preprocess) };
  return objectsOf(candidates, labels, placement, { topK: 100, iou: iouOf({ iou }, output) });
}

describe('objects as Transformers, torchvision, Ultralytics and YOLOX find them', () => {
  it.each(
    Object.keys(described).flatMap((name) =>
      (['wide', 'tall'] as const).map((which) => [name, which] as const),
    ),
  )('%s, %s picture', (name, which) => {
    const expected = (cases[name] as Case).answers[which].objects;
    const found = detect(name, which);
    expect(found.map((each) => each.label)).toEqual(expected.map((each) => each.label));
    for (const [i, object] of found.entries()) {
      const wanted = expected[i] as DetectedObject;
      expect(object.score).toBeCloseTo(wanted.score, 5);
      expect(object.index).toBe(wanted.index);
      for (const side of ['x', 'y', 'width', 'height'] as const) {
        expect(Math.abs(object.box[side] - wanted.box[side])).toBeLessThan(0.01);
      }
    }
  });

  it('the best hundred scores, more than there are queries, as Conditional DETR', () => {
    const [width, height] = hundred.size;
    const output = { ...detrOutput, activation: 'sigmoid', best: 100 } as const;
    const plan = planGeometry({ width, height }, box, exact.preprocess);
    const context = { input: box, canvas: plan.output, labels: labels.length, threshold: 0 };
    const placement = { region: plan.region, ...inputToPicture(plan, exact.preprocess) };
    const answer = (most: DetectionOutput) =>
      objectsOf(
        decode(unpackedAll({ logits: hundred.logits, boxes: hundred.boxes }), most, context),
        labels,
        placement,
        {
          topK: 1000,
          iou: null,
        },
      );
    const found = answer(output);
    expect(found.map(({ index }) => index)).toEqual(hundred.objects.map(([index]) => index));
    for (const [i, { box, score }] of found.entries()) {
      expect(score).toBeCloseTo(hundred.scores[i] as number, 5);
      for (const [at, side] of [box.x, box.y, box.width, box.height].entries()) {
        expect(Math.abs(side - (hundred.objects[i]?.[at + 1] as number))).toBeLessThan(0.01);
      }
    }
    // RT-DETR's are as many as its queries.
    expect(answer(sigmoid)).toEqual(found.slice(0, 24));
  });

  it('the same of a transposed YOLO output', () => {
    const turned = detect('yolo', 'wide', ({ output0 }) => {
      const { dims, data } = output0 as Tensor & { data: Float32Array };
      const [, rows = 0, columns = 0] = dims;
      const other = Float32Array.from(data, (_, i) => {
        const [place, field] = [Math.floor(i / rows), i % rows];
        return data[field * columns + place] as number;
      });
      return { output0: { type: 'float32', dims: [1, columns, rows], data: other } };
    });
    expect(turned).toEqual(detect('yolo', 'wide'));
  });
});

const context: DecodeContext = {
  input: box,
  canvas: box,
  labels: 2,
  threshold: 0.5,
};
const tensor = (dims: number[], data: number[]) => ({
  type: 'float32' as const,
  dims,
  data: Float32Array.from(data),
});

describe('other outputs', () => {
  it('rows that say all, without what only fills the tensor', () => {
    const rows = [1, 2, 3, 4, 0.75, 1, 5, 6, 7, 8, 0.25, 0, 0, 0, 0, 0, 1, -1];
    const outputs = { y: tensor([1, 3, 6], rows) };
    const found = decode(outputs, { format: 'end-to-end', name: 'y' }, context);
    expect([...found.boxes]).toEqual([1, 2, 3, 4]);
    expect([...found.scores]).toEqual([0.75]);
    expect([...found.classes]).toEqual([1]);
  });

  it('YOLOX decoded in the graph', () => {
    const outputs = { y: tensor([1, 1, 7], [10, 20, 4, 6, 0.75, 0, 1]) };
    const output = { format: 'yolox', name: 'y', decoded: true } as const;
    const found = decode(outputs, output, context);
    expect([...found.boxes]).toEqual([8, 17, 12, 23]);
    expect([...found.scores]).toEqual([0.75]);
  });

  it('pixels without a batch, and a background class', () => {
    const outputs = {
      boxes: tensor([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
      scores: tensor([2], [0.75, 0.875]),
      labels: { type: 'int64' as const, dims: [2], data: BigInt64Array.of(0n, 2n) },
    };
    const output = {
      format: 'ssd',
      boxes: 'boxes',
      scores: 'scores',
      classes: 'labels',
      normalized: false,
      firstClass: 1,
    } as const;
    const found = decode(outputs, output, context);
    expect([...found.boxes]).toEqual([5, 6, 7, 8]);
    expect([...found.classes]).toEqual([1]);
  });

  const invalid = expect.objectContaining({ code: 'model-invalid' });
  it.each<[string, DetectionOutput, Tensors]>([
    [
      'another number of classes',
      { format: 'yolo', name: 'y' },
      { y: tensor([1, 9, 3], Array(27).fill(0)) },
    ],
    ['another grid', { format: 'yolox', name: 'y' }, { y: tensor([1, 3, 7], Array(21).fill(0)) }],
    [
      'no "no object"',
      { format: 'detr', logits: 'l', boxes: 'b', activation: 'softmax' },
      { l: tensor([1, 1, 2], [0, 0]), b: tensor([1, 1, 4], [0, 0, 1, 1]) },
    ],
    [
      'fewer boxes than queries',
      { format: 'detr', logits: 'l', boxes: 'b', activation: 'sigmoid' },
      { l: tensor([1, 2, 2], [9, 0, 0, 0]), b: tensor([1, 1, 4], [0, 0, 1, 1]) },
    ],
    [
      'NaN as a logit',
      { format: 'detr', logits: 'l', boxes: 'b', activation: 'sigmoid' },
      { l: tensor([1, 1, 2], [Number.NaN, 0]), b: tensor([1, 1, 4], [0, 0, 1, 1]) },
    ],
    [
      'NaN as a score',
      { format: 'yolo', name: 'y' },
      { y: tensor([1, 6, 1], [0, 0, 1, 1, 0, Number.NaN]) },
    ],
    [
      'NaN as a box',
      { format: 'yolo', name: 'y' },
      { y: tensor([1, 6, 1], [0, Number.NaN, 1, 1, 0, 1]) },
    ],
    [
      'fewer scores than boxes',
      { format: 'ssd', boxes: 'b', scores: 's', classes: 'c' },
      { b: tensor([1, 4], [0, 0, 1, 1]), s: tensor([0], []), c: tensor([1], [0]) },
    ],
  ])('with %s are refused', (_name, output, outputs) => {
    expect(() => decode(outputs, output, context)).toThrow(invalid);
  });
});

it('cuts boxes to the region, lets empty ones go, and stops at topK', () => {
  const candidates = {
    boxes: Float64Array.of(-5, -5, 5, 5, 20, 20, 30, 30, 2, 2, 4, 4),
    scores: Float64Array.of(0.5, 0.9, 0.7),
    classes: Uint32Array.of(0, 1, 0),
  };
  const placement = {
    region: { x: 100, y: 50, width: 20, height: 10 },
    x: { from: 0, scale: 2, to: 100 },
    y: { from: 0, scale: 1, to: 50 },
  };
  const objects = objectsOf(candidates, ['a', 'b'], placement, { topK: 9, iou: null });
  expect(objects).toEqual([
    { label: 'a', score: 0.7, index: 0, box: { x: 104, y: 52, width: 4, height: 2 } },
    { label: 'a', score: 0.5, index: 0, box: { x: 100, y: 50, width: 10, height: 5 } },
  ]);
  expect(objectsOf(candidates, ['a', 'b'], placement, { topK: 1, iou: null })).toHaveLength(1);
});

it('whatever a graph answers, there are objects within the picture or a typed error', () => {
  const names = ['a', 'b', 'c', 'd'];
  const dims = fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 4 });
  const value = fc.oneof(
    fc.double({ min: -4, max: 4 }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const anyTensor = fc
    .tuple(dims, fc.array(value, { minLength: 1, maxLength: 8 }))
    .map(([shape, values]) => {
      const length = shape.reduce((all, each) => all * each, 1);
      return tensor(
        shape,
        Array.from({ length }, (_, i) => values[i % values.length] as number),
      );
    });
  const output = fc.constantFrom<DetectionOutput>(
    { format: 'detr', logits: 'a', boxes: 'b', activation: 'softmax' },
    { format: 'detr', logits: 'a', boxes: 'b', activation: 'sigmoid' },
    { format: 'yolo', name: 'a' },
    { format: 'yolox', name: 'a', strides: [64] },
    { format: 'yolox', name: 'a', decoded: true },
    { format: 'end-to-end', name: 'a' },
    { format: 'ssd', boxes: 'a', scores: 'b', classes: 'c', count: 'd' },
  );
  const tensors = fc.tuple(anyTensor, anyTensor, anyTensor, anyTensor);
  const region = { x: 0, y: 0, ...box };
  const axis = { from: 0, scale: 1, to: 0 };
  fc.assert(
    fc.property(output, tensors, fc.double({ min: 0, max: 1, noNaN: true }), (output, all, iou) => {
      const outputs = Object.fromEntries(all.map((each, i) => [names[i], each]));
      try {
        const found = decode(outputs, output, { ...context, threshold: 0 });
        const objects = objectsOf(
          found,
          ['x', 'y'],
          { region, x: axis, y: axis },
          { topK: 9, iou },
        );
        for (const { box, label } of objects) {
          expect(['x', 'y']).toContain(label);
          expect(box.x >= 0 && box.y >= 0 && box.width > 0 && box.height > 0).toBe(true);
          expect(box.x + box.width <= 64.001 && box.y + box.height <= 64.001).toBe(true);
        }
      } catch (error) {
        expect(isTabserveError(error, 'model-invalid')).toBe(true);
      }
    }),
    { numRuns: 3_000 },
  );
});
