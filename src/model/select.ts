/** Which of a model's files to load. */

import { TabserveError } from '../base/errors.js';
import type { Device } from '../base/types.js';
import type { CoreManifest, ModelDtype, ModelFile } from './manifest-core.js';

/** What a backend can compute. */
export interface DeviceAbilities {
  device: Device;
  /** Half-precision arithmetic: always on WASM, with `shader-f16` on WebGPU. */
  fp16: boolean;
}

/**
 * In order of preference, by measurement on ONNX Runtime Web 1.30: on WASM fp16 runs as fast as
 * fp32 at half the download, int8 weights as fast at a quarter, and graphs with quantised activations
 * about 1.4 times slower.
 */
const preference: readonly ModelDtype[] = ['fp16', 'fp32', 'int8'];

/**
 * Picks the file of `dtype`, or of the best dtype that the backend can compute: the smallest of those
 * that run at full speed. Asked for a dtype by name, it takes a file that computes in it before one
 * that has only its weights in it.
 *
 * @throws TabserveError `unsupported`, saying which dtypes there are and which work here.
 */
export function selectFile(
  manifest: CoreManifest,
  dtype: 'auto' | ModelDtype,
  abilities: DeviceAbilities,
): ModelFile {
  const usable = preference.filter((candidate) => candidate !== 'fp16' || abilities.fp16);
  const isAuto = dtype === 'auto';
  // Any device takes these.
  const packed = manifest.files.find((each) => each.weightsOnly === true);
  if (isAuto && packed) return packed;
  const wanted = isAuto ? usable : usable.filter((candidate) => candidate === dtype);
  for (const candidate of wanted) {
    const file = manifest.files.find((each) => each.dtype === candidate && each !== packed);
    if (file) return file;
  }
  if (packed?.dtype === dtype) return packed;
  const offered = manifest.files.map((file) => file.dtype).join(', ');
  throw new TabserveError(
    'unsupported',
    `The model "${manifest.name}" has no file that fits dtype "${dtype}" on ${abilities.device}: it offers ${offered}; this device computes ${usable.join(', ')}.`,
    { details: { dtype, offered, device: abilities.device } },
  );
}
