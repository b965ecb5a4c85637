/** The shape of the network's input. */
import type { ModelInput } from './manifest.js';

/** The input tensor's shape, for one picture. */
export function inputDimensions({ layout, width, height, channels }: ModelInput): number[] {
  return layout === 'NCHW' ? [1, channels, height, width] : [1, height, width, channels];
}
