/** From candidates to objects: the best ones, each once, in pixels of the picture. */
import type { AxisMapping } from '../../input/image/inverse.js';
import type { PixelRect } from '../../input/image/types.js';
import type { Candidates } from './candidates.js';
import { byScore, cornersOf, suppress } from './suppress.js';
import type { DetectedObject, DetectionOptions, DetectionOutput } from './types.js';

/** Where in the picture the candidates are. */
export interface Placement {
  /** The part of the picture that was looked at. */
  region: PixelRect;
  /** The way from the network's input to the picture. */
  x: AxisMapping;
  y: AxisMapping;
}

/** See `DetectionOutput.iou`. */
const defaultIou: Readonly<Record<DetectionOutput['format'], number | null>> = {
  detr: null,
  yolo: 0.7,
  yolox: 0.45,
  'end-to-end': null,
  ssd: null,
};

/** The overlap that makes two boxes one object; `null` for none. */
export function iouOf({ iou }: Pick<DetectionOptions, 'iou'>, output: DetectionOutput) {
  if (iou !== 'model') return iou;
  return output.iou === undefined ? defaultIou[output.format] : output.iou;
}

/**
 * The objects, by score, ties by the candidates' order.
 *
 * Boxes are compared as the network gave them, and then cut to the region; what has no area left is
 * no object.
 *
 * @param iou - See {@link iouOf}.
 */
export function objectsOf(
  candidates: Candidates,
  labels: readonly string[],
  placement: Placement,
  { topK, iou }: { topK: number; iou: number | null },
): DetectedObject[] {
  const order = byScore(candidates);
  const kept = iou === null ? order : suppress(candidates, order, iou);
  const objects: DetectedObject[] = [];
  for (const place of kept) {
    if (objects.length >= topK) break;
    const [left, top, right, bottom] = cornersOf(candidates.boxes, place);
    const { region } = placement;
    const x1 = within(left, placement.x, region.x, region.width);
    const x2 = within(right, placement.x, region.x, region.width);
    const y1 = within(top, placement.y, region.y, region.height);
    const y2 = within(bottom, placement.y, region.y, region.height);
    if (!(x2 > x1 && y2 > y1)) continue;
    const index = candidates.classes[place] as number;
    objects.push({
      label: labels[index] ?? `class ${index}`,
      score: candidates.scores[place] as number,
      index,
      box: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
    });
  }
  return objects;
}

function within(value: number, { from, scale, to }: AxisMapping, start: number, length: number) {
  return Math.min(Math.max((value - from) * scale + to, start), start + length);
}
