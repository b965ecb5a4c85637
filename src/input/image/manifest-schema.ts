/** Checks of what a manifest says about pictures. Page code, loaded on demand. */
import * as v from 'valibot';
import type { ModelInput, Preprocess } from './manifest.js';

const positive = v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE));
const pixels = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16384));
const byte = v.pipe(v.number(), v.minValue(0), v.maxValue(255));
const colour = v.tuple([byte, byte, byte]);
const perChannel = <T extends v.GenericSchema<unknown, number>>(item: T) =>
  v.union([item, v.pipe(v.array(item), v.minLength(1), v.maxLength(3))]);

const kernel = {
  filter: v.optional(
    v.picklist(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const),
  ),
  antialias: v.optional(v.boolean()),
  reference: v.optional(v.picklist(['pillow-12', 'pillow-13', 'torch', 'opencv'] as const)),
};

/** The network's input. */
export const inputSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(10_000)),
  layout: v.picklist(['NCHW', 'NHWC'] as const),
  dtype: v.picklist(['float32', 'float16', 'float64', 'uint8', 'int8', 'int32', 'int64'] as const),
  width: pixels,
  height: pixels,
  channels: v.picklist([1, 3] as const),
  colorOrder: v.picklist(['RGB', 'BGR', 'GRAY'] as const),
  mask: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(10_000))),
}) satisfies v.GenericSchema<unknown, ModelInput>;

/** The way from a picture to the network's input. */
export const preprocessSchema = v.object({
  resize: v.optional(
    v.variant('policy', [
      v.object({ policy: v.literal('none') }),
      v.object({
        policy: v.literal('exact'),
        width: pixels,
        height: pixels,
        centre: v.optional(v.pipe(positive, v.maxValue(1))),
        ...kernel,
      }),
      v.object({
        policy: v.literal('shorter-side'),
        size: pixels,
        longest: v.optional(pixels),
        asIsUpTo: v.optional(pixels),
        rounding: v.optional(v.picklist(['floor', 'half-even'] as const)),
        multipleOf: v.optional(pixels),
        ...kernel,
      }),
      v.object({
        policy: v.literal('fit'),
        width: pixels,
        height: pixels,
        rounding: v.optional(v.picklist(['half-even', 'half-up', 'floor'] as const)),
        ...kernel,
      }),
      v.object({
        policy: v.literal('crop-fraction'),
        fraction: v.pipe(positive, v.maxValue(8)),
        ...kernel,
      }),
      v.object({
        policy: v.literal('letterbox'),
        width: pixels,
        height: pixels,
        align: v.optional(v.picklist(['center', 'top-left'] as const)),
        rounding: v.optional(v.picklist(['half-even', 'floor'] as const)),
        ...kernel,
      }),
    ]),
  ),
  crop: v.optional(
    v.object({
      policy: v.literal('center'),
      width: pixels,
      height: pixels,
      rounding: v.optional(v.picklist(['half-even', 'floor', 'toward-zero'] as const)),
      fill: v.optional(colour),
    }),
  ),
  pad: v.optional(v.object({ policy: v.literal('bottom-right'), width: pixels, height: pixels })),
  scale: v.optional(positive),
  mean: v.optional(perChannel(v.pipe(v.number(), v.finite()))),
  std: v.optional(perChannel(positive)),
  background: v.optional(colour),
  alpha: v.optional(v.picklist(['composite', 'drop'] as const)),
}) satisfies v.GenericSchema<unknown, Preprocess>;

/** Notes that a field of a manifest is wrong. */
type Refuse = (field: string, found: unknown, expected: string) => unknown;

/**
 * Checks that input and preprocessing fit together.
 *
 * @param refuse - Is told of each thing that is wrong.
 */
export function fitPreprocess(
  manifest: { input: ModelInput; preprocess: Preprocess },
  refuse: Refuse,
): void {
  const { channels, colorOrder, width, height, dtype } = manifest.input;
  const { resize, crop, mean, std } = manifest.preprocess;

  const channelsOfOrder = colorOrder === 'GRAY' ? 1 : 3;
  if (channels !== channelsOfOrder) {
    refuse('input.channels', channels, `${channelsOfOrder} for ${colorOrder}`);
  }
  for (const [field, list] of Object.entries({ mean, std })) {
    if (Array.isArray(list) && list.length !== channels) {
      refuse(`preprocess.${field}`, `${list.length} numbers`, `${channels}, one per channel`);
    }
  }
  if (dtype === 'uint8' && (mean !== undefined || std !== undefined)) {
    refuse(
      'preprocess.mean',
      'a value',
      'none, because a uint8 input takes the pixels as they are',
    );
  }
  if (resize?.policy === 'crop-fraction' && crop === undefined) {
    refuse('preprocess.crop', 'nothing', 'a crop, which "crop-fraction" refers to');
  }
  const { pad } = manifest.preprocess;
  const cropped = sizeBeforePadding(manifest.preprocess);
  if (pad && cropped && (cropped.width > pad.width || cropped.height > pad.height)) {
    refuse(
      'preprocess.pad',
      `${pad.width} × ${pad.height}`,
      `at least the ${cropped.width} × ${cropped.height} that "crop" or "resize" produces`,
    );
  }
  const produced = pad ?? cropped;
  if (produced && (produced.width !== width || produced.height !== height)) {
    refuse(
      'input.width × input.height',
      `${width} × ${height}`,
      `${produced.width} × ${produced.height}, which is what "preprocess" produces`,
    );
  }
}

/** The size that resize and crop end in, or `undefined` where it depends on the picture. */
function sizeBeforePadding(preprocess: Preprocess): { width: number; height: number } | undefined {
  if (preprocess.crop) return preprocess.crop;
  const { resize } = preprocess;
  return resize?.policy === 'exact' || resize?.policy === 'letterbox' ? resize : undefined;
}
