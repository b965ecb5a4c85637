/** Letterboxes: how large the picture is in one, and where it lies. */
import type { ResizePolicy } from './manifest.js';
import type { PixelRect } from './types.js';

type Size = Pick<PixelRect, 'width' | 'height'>;

type Letterbox = Extract<ResizePolicy, { policy: 'letterbox' }>;

/**
 * What of the letterbox a picture of size `from` fills: Ultralytics' `LetterBox` with `half-even`,
 * YOLOX' `preproc` with `floor`.
 *
 * @param round - Python's `round`.
 */
export function letterboxSize(from: Size, into: Letterbox, round: (value: number) => number): Size {
  const ratio = Math.min(into.width / from.width, into.height / from.height);
  const whole = into.rounding === 'floor' ? Math.floor : round;
  return {
    width: Math.max(1, whole(from.width * ratio)),
    height: Math.max(1, whole(from.height * ratio)),
  };
}

/** Where in the letterbox its picture begins. */
export function letterboxInset(into: Letterbox, picture: Size): { x: number; y: number } {
  if (into.align === 'top-left') return { x: 0, y: 0 };
  return {
    x: Math.floor((into.width - picture.width) / 2),
    y: Math.floor((into.height - picture.height) / 2),
  };
}
