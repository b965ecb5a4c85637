/** timm's `pretrained_cfg` as a manifest's preprocessing. */
import {
  channelValues,
  type Fields,
  filters,
  invalid,
  isPixels,
  number,
  roundHalfEven,
} from './hub-fields.js';
import { centre } from './hub-preprocess.js';
import { imageNetMean, imageNetStd } from './hub-processors.js';
import type { Preprocess } from './manifest.js';

/** timm's `resolve_data_config` and `transforms_imagenet_eval`. */
export function timmPreprocess(cfg: Fields, where: string): Preprocess {
  const file = 'config.json: pretrained_cfg';
  const input = cfg.input_size;
  if (!Array.isArray(input) || input.length !== 3 || !input.every(isPixels) || input[0] !== 3) {
    throw invalid(where, file, 'input_size', input, '[3, height, width]');
  }
  const [, height, width] = input as [number, number, number];
  const interpolation = cfg.interpolation ?? 'bicubic';
  const filter = filters.find((each) => each === interpolation);
  if (!filter) throw invalid(where, file, 'interpolation', interpolation, filters.join(', '));
  const fraction = number(cfg, 'crop_pct', 0.875, where, file, 1e-3, 8);
  const mode = cfg.crop_mode ?? 'center';
  const crop = centre({ width, height }, 'half-even');
  const scaled = { width: Math.floor(width / fraction), height: Math.floor(height / fraction) };
  const numbers = {
    mean: channelValues(cfg, 'mean', imageNetMean, where, file),
    std: channelValues(cfg, 'std', imageNetStd, where, file),
  };
  if (mode === 'squash')
    return { resize: { policy: 'exact', ...scaled, filter }, crop, ...numbers };
  if (mode === 'border') {
    const fill = numbers.mean.map((mean) => roundHalfEven(255 * mean)) as [number, number, number];
    return { resize: { policy: 'fit', ...scaled, filter }, crop: { ...crop, fill }, ...numbers };
  }
  if (mode === 'center')
    return { resize: { policy: 'crop-fraction', fraction, filter }, crop, ...numbers };
  throw invalid(where, file, 'crop_mode', mode, '"center", "squash" or "border"');
}
