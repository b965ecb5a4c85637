/**
 * Where the pixels of the network's input come from: sizes, offsets and borders, as plain numbers.
 */
import { TabserveError } from '../../base/errors.js';
import { letterboxInset, letterboxSize } from './letterbox.js';
import type {
  CenterCrop,
  CropRounding,
  ModelInput,
  Preprocess,
  ResizeFilter,
  ResizeKernel,
  ResizeReference,
} from './manifest.js';
import type { PixelRect } from './types.js';

/** Width and height in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** How one picture becomes the network's input. Made by {@link planGeometry}. */
export interface GeometryPlan {
  /** The part of the source that is looked at. Everything below treats it as the whole picture. */
  region: PixelRect;
  /** What `region` is resized to. */
  resized: Size;
  filter: ResizeFilter;
  antialias: boolean;
  reference: ResizeReference;
  /** The part of the resized picture that reaches the output; only this much is computed. */
  window: PixelRect;
  /**
   * Size of the output. Where the manifest pads with zeros, the network's input is larger, and the
   * output lies in its top left corner.
   */
  output: Size;
  /** Where the top left corner of `window` lies in the output. */
  offset: { x: number; y: number };
  /** What the output shows around `window`, as RGB of 0…255. */
  border: readonly [number, number, number];
}

/** What transparent pixels and letterbox bars show where a manifest says nothing: white. */
export const defaultBackground: readonly [number, number, number] = [255, 255, 255];

const black: readonly [number, number, number] = [0, 0, 0];

/**
 * Plans the way from a picture to the network's input, rounding as the reference does: sizes as
 * torchvision's and Transformers' `Resize` and timm's `crop_pct`, crop offsets as torchvision's
 * `CenterCrop` (`half-even`) or Transformers' `center_crop` (`floor`, `toward-zero`), letterbox as Ultralytics'.
 *
 * @param source - Size of the upright picture.
 * @param wanted - The part of it to look at. @default all of it
 * @throws TabserveError `invalid-argument` when `wanted` is not within the picture, or when the
 *   result has not the size of the input or does not fit into its padding (only possible where the
 *   manifest's last step leaves the size to the picture).
 */
export function planGeometry(
  source: Size,
  input: Pick<ModelInput, 'width' | 'height'>,
  preprocess: Preprocess,
  wanted: PixelRect = { x: 0, y: 0, width: source.width, height: source.height },
): GeometryPlan {
  checkRegion(wanted, source);
  const resize = preprocess.resize ?? { policy: 'none' };
  const region =
    resize.policy === 'exact' && resize.centre !== undefined
      ? centreOf(wanted, resize.centre)
      : wanted;
  const resized = resizedSize(region, preprocess);
  const letterboxed = resize.policy === 'letterbox';
  const canvas: Size = letterboxed ? { width: resize.width, height: resize.height } : resized;
  const inset = letterboxed ? letterboxInset(resize, resized) : { x: 0, y: 0 };

  const { crop, pad } = preprocess;
  const output: Size = crop ? { width: crop.width, height: crop.height } : canvas;
  const isPadded = pad !== undefined && output.width <= pad.width && output.height <= pad.height;
  const final: Size = isPadded ? pad : output;
  if (final.width !== input.width || final.height !== input.height) {
    throw new TabserveError(
      'invalid-argument',
      `This picture of ${region.width} × ${region.height} becomes ${final.width} × ${final.height}, but the model takes ${input.width} × ${input.height}. Give the manifest's "preprocess" a "crop", or a "resize" to that exact size.`,
      { details: { width: final.width, height: final.height } },
    );
  }
  const x = across(resized.width, canvas.width, output.width, inset.x, crop?.rounding);
  const y = across(resized.height, canvas.height, output.height, inset.y, crop?.rounding);
  return {
    region,
    resized,
    filter: resize.policy === 'none' ? 'nearest' : (resize.filter ?? 'bilinear'),
    antialias: resize.policy === 'none' || (resize.antialias ?? true),
    reference: resize.policy === 'none' ? 'pillow-12' : referenceOf(resize),
    window: { x: x.from, y: y.from, width: x.length, height: y.length },
    output,
    offset: { x: x.offset, y: y.offset },
    border: letterboxed ? (preprocess.background ?? defaultBackground) : (crop?.fill ?? black),
  };
}

/** The square in the middle, of a part of the shorter side. */
function centreOf({ x, y, width, height }: PixelRect, part: number): PixelRect {
  const side = Math.max(1, Math.floor(part * Math.min(width, height)));
  const inset = (length: number) => Math.floor((length - side) / 2);
  return { x: x + inset(width), y: y + inset(height), width: side, height: side };
}

/** Bicubic without antialias is OpenCV's and torch's, whose kernel is another one than Pillow's. */
function referenceOf({ filter, antialias = true, reference }: ResizeKernel): ResizeReference {
  const isTheirs = !antialias && filter === 'bicubic';
  return reference ?? (isTheirs ? 'opencv' : 'pillow-12');
}

function resizedSize(from: Size, { resize, crop, pad }: Preprocess): Size {
  switch (resize?.policy) {
    case undefined:
    case 'none':
      return { width: from.width, height: from.height };
    case 'exact':
      return { width: resize.width, height: resize.height };
    case 'shorter-side':
      if (isAsIs(from, resize)) return { width: from.width, height: from.height };
      return toMultiples(
        resize.longest === undefined
          ? shorterSideTo(from, resize.size, resize.rounding)
          : shorterSideWithin(from, resize.size, resize.longest, pad),
        resize.multipleOf,
      );
    case 'fit':
      return fitInto(from, resize, resize.rounding);
    case 'crop-fraction':
      return cropFraction(from, crop, resize.fraction);
    case 'letterbox':
      return letterboxSize(from, resize, roundHalfEven);
  }
}

function isAsIs(
  from: Size,
  { size, asIsUpTo = 0 }: { size: number; asIsUpTo?: number | undefined },
) {
  const shorter = Math.min(from.width, from.height);
  return shorter >= size && shorter <= asIsUpTo;
}

function shorterSideTo(from: Size, size: number, rounding: 'floor' | 'half-even' = 'floor'): Size {
  if (rounding === 'half-even') {
    const ratio = size / Math.min(from.width, from.height);
    return {
      width: roundHalfEven(from.width * ratio),
      height: roundHalfEven(from.height * ratio),
    };
  }
  return from.width <= from.height
    ? { width: size, height: Math.floor((size * from.height) / from.width) }
    : { width: Math.floor((size * from.width) / from.height), height: size };
}

function toMultiples({ width, height }: Size, of = 1): Size {
  const down = (side: number) => Math.max(of, side - (side % of));
  return { width: down(width), height: down(height) };
}

/** Transformers' `get_size_with_aspect_ratio`, in its order of operations, which decides at halves. */
function shorterSideWithin(from: Size, size: number, longest: number, pad?: Size): Size {
  const least = Math.min(from.width, from.height);
  const most = Math.max(from.width, from.height);
  const isTooLong = (most / least) * size > longest;
  const exact = isTooLong ? (longest * least) / most : size;
  const rounded = isTooLong ? roundHalfEven(exact) : size;
  // Theirs takes some as they are that are a little too long; here only where there is room for them.
  const fits = pad === undefined || (from.width <= pad.width && from.height <= pad.height);
  if (least === rounded && fits) return { width: from.width, height: from.height };
  // Theirs fails where nothing is left of the shorter side.
  const shorter = Math.max(1, rounded);
  return from.width < from.height
    ? { width: shorter, height: Math.floor((exact * from.height) / from.width) }
    : { width: Math.floor((exact * from.width) / from.height), height: shorter };
}

function fitInto(
  from: Size,
  into: Size,
  rounding: 'half-even' | 'half-up' | 'floor' = 'half-even',
): Size {
  if (rounding === 'half-even') return keepRatio(from, into, Math.max);
  const ratio = Math.min(into.width / from.width, into.height / from.height);
  const half = rounding === 'half-up' ? 0.5 : 0;
  return {
    width: Math.max(1, Math.floor(from.width * ratio + half)),
    height: Math.max(1, Math.floor(from.height * ratio + half)),
  };
}

/** timm's `ResizeKeepRatio`: by the side that needs to shrink least (`min`) or most (`max`). */
function keepRatio(from: Size, to: Size, select: (a: number, b: number) => number): Size {
  const ratio = select(from.width / to.width, from.height / to.height);
  return {
    width: Math.max(1, roundHalfEven(from.width / ratio)),
    height: Math.max(1, roundHalfEven(from.height / ratio)),
  };
}

function cropFraction(from: Size, crop: CenterCrop | undefined, fraction: number): Size {
  if (!crop) throw new TabserveError('internal', '"crop-fraction" without a crop was let through.');
  const width = Math.floor(crop.width / fraction);
  const height = Math.floor(crop.height / fraction);
  if (width === height) return shorterSideTo(from, width);
  return keepRatio(from, { width, height }, Math.min);
}

/**
 * One axis of the crop: which pixels of the resized picture reach the output, and where they land.
 *
 * @param inset - Where the resized picture lies on the canvas.
 */
function across(
  resized: number,
  canvas: number,
  output: number,
  inset: number,
  rounding: CropRounding = 'half-even',
): { from: number; length: number; offset: number } {
  const start = cropOffset(canvas, output, rounding) - inset;
  const from = Math.min(Math.max(0, start), resized);
  const length = Math.max(0, Math.min(resized, start + output) - from);
  return { from, length, offset: length === 0 ? 0 : from - start };
}

/** Where a centre crop starts. Negative where the crop is larger, by the width of the border. */
function cropOffset(image: number, crop: number, rounding: CropRounding): number {
  if (rounding === 'toward-zero') return Math.trunc((image - crop) / 2);
  if (rounding === 'floor') return Math.floor((image - crop) / 2);
  // torchvision first pads a picture that is too small, by the floor of half the difference.
  return image < crop ? -Math.floor((crop - image) / 2) : roundHalfEven((image - crop) / 2);
}

/** Rounds to the nearest whole number, halves to the even one, as Python's `round` does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function checkRegion({ x, y, width, height }: PixelRect, source: Size): void {
  const whole = [x, y, width, height].every(Number.isInteger);
  const within = x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= source.width;
  if (whole && within && y + height <= source.height) return;
  throw new TabserveError(
    'invalid-argument',
    `The region x ${x}, y ${y}, ${width} × ${height} is not within the picture of ${source.width} × ${source.height}. It takes whole pixels of the upright picture, at least 1 × 1.`,
    { details: { x, y, width, height } },
  );
}
