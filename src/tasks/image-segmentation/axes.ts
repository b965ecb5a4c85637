/** Where in the network's output each column and row of the map is looked up. */
import type { GeometryPlan, Size } from '../../input/image/geometry.js';

/** Most pixels of a map: 33 MB of classes, and 134 MB as an overlay. */
export const mostPixels = 2 ** 25;

/** One direction of the map: which two of the output's pixels each of its pixels lies between. */
export interface Axis {
  /** Pixels of the map. */
  length: number;
  /** The pixel before. */
  low: Uint32Array;
  /** The pixel after; the same one at the edge. */
  high: Uint32Array;
  /** How much the pixel after counts, 0…1. */
  weight: Float64Array;
  /** The first pixel of the map that the network has seen, and the one after the last. */
  from: number;
  to: number;
}

/** The size of the map of a region. */
export function mapSize({ width, height }: Size): Size {
  const ratio = Math.min(1, Math.sqrt(mostPixels / (width * height)));
  return {
    width: Math.max(1, Math.floor(width * ratio)),
    height: Math.max(1, Math.floor(height * ratio)),
  };
}

/**
 * The two directions of a map.
 *
 * As `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)` from the output to the
 * size of the picture, where the picture fills the input. Where it does not, as in a letterbox, from the
 * part that it fills.
 *
 * @param input - Size of the network's input.
 * @param output - Size of the network's output.
 */
export function mapAxes(
  plan: GeometryPlan,
  map: Size,
  input: Size,
  output: Size,
): { x: Axis; y: Axis } {
  const axis = (side: 'width' | 'height', at: 'x' | 'y') => {
    const { resized, window, offset } = plan;
    const start = offset[at] - window[at];
    return axisOf(map[side], output[side], {
      // From a fraction of the picture to one of the input.
      scale: resized[side] / input[side],
      shift: start / input[side],
      from: window[at] / resized[side],
      to: (window[at] + window[side]) / resized[side],
    });
  };
  return { x: axis('width', 'x'), y: axis('height', 'y') };
}

function axisOf(
  length: number,
  pixels: number,
  { scale, shift, from, to }: { scale: number; shift: number; from: number; to: number },
): Axis {
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  const weight = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const place = ((i + 0.5) / length) * scale + shift;
    const at = Math.min(Math.max(0, place * pixels - 0.5), pixels - 1);
    low[i] = Math.floor(at);
    high[i] = Math.min(Math.floor(at) + 1, pixels - 1);
    weight[i] = at - Math.floor(at);
  }
  // Pixels whose middle was seen.
  const first = Math.min(length, Math.max(0, Math.ceil(from * length - 0.5)));
  const last = Math.max(first, Math.min(length, Math.floor(to * length - 0.5) + 1));
  return { length, low, high, weight, from: first, to: last };
}
