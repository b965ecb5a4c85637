/** From the outputs of each family of detectors to candidates. */
import { numbersOf, type Tensors } from '../../base/tensor.js';
import type { Size } from '../../input/image/geometry.js';
import {
  around,
  CandidateList,
  type Candidates,
  outputOf,
  type Rows,
  rowsOf,
  unfit,
} from './candidates.js';
import type {
  DetectionOutput,
  DetrOutput,
  EndToEndOutput,
  SsdOutput,
  YoloOutput,
  YoloxOutput,
} from './types.js';

/** What decoding has to know besides the outputs. */
export interface DecodeContext {
  /** Size of the network's input. */
  input: Size;
  /** The part of it, from its top left corner, that is not padding: fractions are of this. */
  canvas: Size;
  /** How many labels there are. */
  labels: number;
  /** Least score. */
  threshold: number;
}

/**
 * The candidates in a network's outputs, in their order.
 *
 * @throws TabserveError `model-invalid` where shapes or the number of classes do not fit, and for NaN.
 */
export function decode(
  outputs: Tensors,
  output: DetectionOutput,
  context: DecodeContext,
): Candidates {
  switch (output.format) {
    case 'detr':
      return detr(outputs, output, context);
    case 'yolo':
      return yolo(outputs, output, context);
    case 'yolox':
      return yolox(outputs, output, context);
    case 'end-to-end':
      return endToEnd(outputs, output, context);
    case 'ssd':
      return ssd(outputs, output, context);
  }
}

/** Source: Transformers' `post_process_object_detection` of DETR, RT-DETR and Conditional DETR. */
function detr(
  outputs: Tensors,
  { logits: logitsName, boxes: boxesName, activation, best: most }: DetrOutput,
  { canvas, labels, threshold }: DecodeContext,
): Candidates {
  const list = new CandidateList(threshold);
  const classes = activation === 'softmax' ? labels + 1 : labels;
  const logits = rowsOf(outputs, logitsName, classes);
  const boxes = rowsOf(outputs, boxesName, 4);
  if (boxes.count !== logits.count) {
    throw unfit(boxesName, outputOf(outputs, boxesName), `as many rows as "${logitsName}"`);
  }
  const corners = (query: number) => () => {
    const [x, y, width, height] = row(boxes, query);
    const [left, top, right, bottom] = around(x ?? 0, y ?? 0, width ?? 0, height ?? 0);
    return [
      left * canvas.width,
      top * canvas.height,
      right * canvas.width,
      bottom * canvas.height,
    ] as const;
  };
  if (activation === 'softmax') {
    for (let query = 0; query < logits.count; query++) {
      const numbers = row(logits, query);
      const greatest = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const sum = numbers.reduce((all, each) => all + Math.exp(each - greatest), 0);
      const best = greatestOf(logits.values, query * classes, 1, labels);
      list.add(Math.exp(best.value - greatest) / sum, best.index, corners(query));
    }
    return list.done();
  }
  const scores = Float64Array.from(logits.values, (logit) => 1 / (1 + Math.exp(-logit)));
  if (scores.some(Number.isNaN)) list.add(Number.NaN, 0, corners(0));
  const best = Array.from(scores.keys())
    .filter((at) => (scores[at] as number) >= threshold)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
    .slice(0, most ?? logits.count);
  for (const at of best) {
    list.add(scores[at] as number, at % labels, corners(Math.floor(at / labels)));
  }
  return list.done();
}

/** Source: Ultralytics' `non_max_suppression`, one label for a box. */
function yolo(
  outputs: Tensors,
  { name }: YoloOutput,
  { labels, threshold }: DecodeContext,
): Candidates {
  const tensor = outputOf(outputs, name);
  const [batch, rows = 0, columns = 0] = tensor.dims;
  const length = 4 + labels;
  // [1, 4 + C, N] as it is exported; some exports are transposed.
  const isTurned = rows !== length && columns === length;
  if (tensor.dims.length !== 3 || batch !== 1 || (rows !== length && !isTurned)) {
    throw unfit(name, tensor, `[1, ${length}, N] for ${labels} labels`);
  }
  const count = isTurned ? rows : columns;
  const [across, along] = isTurned ? [1, length] : [count, 1];
  const values = numbersOf(tensor);
  const at = (place: number, field: number) => values[place * along + field * across] as number;
  const list = new CandidateList(threshold);
  for (let place = 0; place < count; place++) {
    const best = greatestOf(values, place * along + 4 * across, across, labels);
    list.add(best.value, best.index, () =>
      around(at(place, 0), at(place, 1), at(place, 2), at(place, 3)),
    );
  }
  return list.done();
}

/** Source: YOLOX' `demo_postprocess` and `postprocess`. */
function yolox(
  outputs: Tensors,
  { name, strides = [8, 16, 32], decoded = false }: YoloxOutput,
  { input, labels, threshold }: DecodeContext,
): Candidates {
  const rows = rowsOf(outputs, name, 5 + labels);
  const grids = strides.map((stride) => ({
    stride,
    columns: Math.floor(input.width / stride),
    rows: Math.floor(input.height / stride),
  }));
  const cells = grids.reduce((sum, grid) => sum + grid.columns * grid.rows, 0);
  if (!decoded && cells !== rows.count) {
    throw unfit(name, outputOf(outputs, name), `${cells} rows, for the strides ${strides.join()}`);
  }
  const list = new CandidateList(threshold);
  let place = 0;
  const add = (corners: (box: readonly number[]) => [number, number, number, number]) => {
    const box = row(rows, place);
    const best = greatestOf(rows.values, place * rows.length + 5, 1, labels);
    list.add((box[4] as number) * best.value, best.index, () => corners(box));
    place += 1;
  };
  if (decoded) {
    while (place < rows.count)
      add(([x = 0, y = 0, width = 0, height = 0]) => around(x, y, width, height));
    return list.done();
  }
  for (const { stride, columns, rows: high } of grids) {
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < columns; x++) {
        add(([dx = 0, dy = 0, width = 0, height = 0]) =>
          around(
            (x + dx) * stride,
            (y + dy) * stride,
            Math.exp(width) * stride,
            Math.exp(height) * stride,
          ),
        );
      }
    }
  }
  return list.done();
}

function endToEnd(
  outputs: Tensors,
  { name }: EndToEndOutput,
  { labels, threshold }: DecodeContext,
): Candidates {
  const rows = rowsOf(outputs, name, 6);
  const list = new CandidateList(threshold);
  for (let place = 0; place < rows.count; place++) {
    const [left = 0, top = 0, right = 0, bottom = 0, score = Number.NaN, index = -1] = row(
      rows,
      place,
    );
    if (!isClass(index, labels)) continue;
    list.add(score, index, () => [left, top, right, bottom]);
  }
  return list.done();
}

function ssd(
  outputs: Tensors,
  {
    boxes: boxesName,
    scores: scoresName,
    classes: classesName,
    count: countName,
    corners = 'xyxy',
    normalized = true,
    firstClass = 0,
  }: SsdOutput,
  { canvas, labels, threshold }: DecodeContext,
): Candidates {
  const boxes = rowsOf(outputs, boxesName, 4);
  const scores = outputOf(outputs, scoresName);
  const classes = outputOf(outputs, classesName);
  const [scoreValues, classValues] = [numbersOf(scores), numbersOf(classes)];
  for (const [name, tensor, values] of [
    [scoresName, scores, scoreValues],
    [classesName, classes, classValues],
  ] as const) {
    if (values.length !== boxes.count) throw unfit(name, tensor, `${boxes.count} numbers`);
  }
  const told = countName === undefined ? boxes.count : numbersOf(outputOf(outputs, countName))[0];
  const count = Math.min(boxes.count, Math.max(0, told ?? 0));
  const [x, y] = corners === 'xyxy' ? [0, 1] : [1, 0];
  const scale = normalized ? canvas : { width: 1, height: 1 };
  const list = new CandidateList(threshold);
  for (let place = 0; place < count; place++) {
    const index = (classValues[place] as number) - firstClass;
    // The background, and rows that only fill the tensor.
    if (!isClass(index, labels)) continue;
    const box = row(boxes, place) as [number, number, number, number];
    list.add(scoreValues[place] as number, index, () => [
      (box[x] as number) * scale.width,
      (box[y] as number) * scale.height,
      (box[x + 2] as number) * scale.width,
      (box[y + 2] as number) * scale.height,
    ]);
  }
  return list.done();
}

function isClass(index: number, labels: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < labels;
}

function row({ values, length }: Rows, place: number): number[] {
  return Array.from({ length }, (_, i) => values[place * length + i] as number);
}

/** The greatest of `count` numbers and the first place that has it; NaN where one of them is. */
function greatestOf(
  values: ArrayLike<number>,
  start: number,
  step: number,
  count: number,
): { value: number; index: number } {
  let value = Number.NEGATIVE_INFINITY;
  let index = 0;
  for (let i = 0; i < count; i++) {
    const each = values[start + i * step] as number;
    if (Number.isNaN(each)) return { value: each, index: i };
    if (each <= value) continue;
    value = each;
    index = i;
  }
  return { value, index };
}
