/** Non-maximum suppression: of boxes that show the same object, the best. */
import type { Candidates } from './candidates.js';

/**
 * Most boxes that are compared with each other, the best ones, as Ultralytics' `max_nms`: the time
 * grows with the square of their number.
 */
const mostCompared = 30_000;

/** The places of candidates by score, the best first, ties by their order. */
export function byScore({ scores }: Candidates): number[] {
  const score = (place: number) => scores[place] as number;
  return Array.from(scores.keys()).sort((a, b) => score(b) - score(a) || a - b);
}

/**
 * Those that no better one of their class overlaps by more than `iou`, in the same order: greedy, as
 * `torchvision.ops.batched_nms`.
 *
 * @param order - Places of candidates, the best first.
 * @param iou - Intersection over union, 0…1.
 */
export function suppress(
  { boxes, classes }: Candidates,
  order: readonly number[],
  iou: number,
): number[] {
  const keptByClass = new Map<number, number[]>();
  return order.slice(0, mostCompared).filter((place) => {
    const own = classes[place] as number;
    const kept = keptByClass.get(own) ?? [];
    if (kept.some((better) => overlap(boxes, better, place) > iou)) return false;
    kept.push(place);
    keptByClass.set(own, kept);
    return true;
  });
}

/** Intersection over union of two boxes; 0 where both are empty. */
function overlap(boxes: Float64Array, a: number, b: number): number {
  const [ax1, ay1, ax2, ay2] = cornersOf(boxes, a);
  const [bx1, by1, bx2, by2] = cornersOf(boxes, b);
  const width = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1));
  const height = Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  const both = width * height;
  const either = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both;
  return either > 0 ? both / either : 0;
}

/** Left, top, right and bottom. */
export function cornersOf(boxes: Float64Array, place: number): [number, number, number, number] {
  const at = 4 * place;
  return [boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + 3]] as [
    number,
    number,
    number,
    number,
  ];
}
