/**
 * Tensors on the GPU. By themselves, so that the types that the package shows do not name those of WebGPU,
 * which not every project has.
 */
import type { Tensor } from './tensor.js';

/**
 * A tensor that lies in a buffer of the GPU device that runs the model (see `TaskServices.gpu`): at
 * least the bytes of its elements, with storage usage. It stays its maker's.
 */
export interface GpuTensor {
  readonly type: 'float32' | 'float16' | 'int32' | 'int64' | 'uint32' | 'uint8' | 'bool';
  readonly dims: readonly number[];
  readonly gpuBuffer: GPUBuffer;
}

/** What a network is given: one tensor for each of its inputs, by the input's name. */
export type Feeds = Readonly<Record<string, Tensor | GpuTensor>>;
