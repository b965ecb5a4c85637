/** The way back: from a place in the network's input to one in the picture. */
import type { GeometryPlan } from './geometry.js';
import type { Preprocess } from './manifest.js';
import type { PixelRect } from './types.js';

/** One axis of the way back: `picture = (input − from) · scale + to`, edges of pixels at whole numbers. */
export interface AxisMapping {
  /** The input's coordinate of the region's edge. */
  from: number;
  /** Pixels of the picture for one of the input. */
  scale: number;
  /** The picture's coordinate of the region's edge. */
  to: number;
}

/** Which part of a picture the network's input shows, and where it is. Plain and cloneable. */
export interface ImageOrigin {
  /** What was looked at, in pixels of the upright picture. */
  region: PixelRect;
  x: AxisMapping;
  y: AxisMapping;
}

/**
 * The way from the network's input to the upright picture.
 *
 * A letterbox is undone by the one ratio that it was made with, before any rounding, as Ultralytics'
 * `scale_boxes` and YOLOX do; everything else by the sizes that there are.
 */
export function inputToPicture(
  { region, resized, window, offset }: GeometryPlan,
  { resize }: Preprocess,
): { x: AxisMapping; y: AxisMapping } {
  const ratio =
    resize?.policy === 'letterbox'
      ? Math.min(resize.width / region.width, resize.height / region.height)
      : undefined;
  const axis = (side: 'width' | 'height', at: 'x' | 'y'): AxisMapping => ({
    from: offset[at] - window[at],
    scale: ratio === undefined ? region[side] / resized[side] : 1 / ratio,
    to: region[at],
  });
  return { x: axis('width', 'x'), y: axis('height', 'y') };
}
