/**
 * Preprocessing on the GPU: picture → texture → resampling → tensor, without the CPU touching a
 * pixel. It gives the same bits as `preprocess.ts`, and refuses what it cannot give them for.
 *
 * This module and what it imports is only part of the workers that have WebGPU.
 */
import { messageOf } from '../../base/errors.js';
import { planGeometry } from './geometry.js';
import type { ModelInput, Preprocess } from './manifest.js';
import type { PixelRect, PixelSource } from './types.js';
import { GpuImages } from './webgpu-images.js';
import { compileShaders, GpuPasses, type GpuShaders, tensorSize } from './webgpu-passes.js';

/** Preprocessing of one model on one device. */
export interface GpuPreprocessor {
  /**
   * Looks at a picture, which stays the caller's and open until the {@link GpuPicture} is closed.
   *
   * @param region - The part of the upright picture to look at. @default all of it
   * @returns What has to be known to preprocess it, or why the CPU has to, in words.
   * @throws TabserveError `invalid-argument`, see {@link planGeometry}.
   */
  accept(source: PixelSource, region?: PixelRect): Promise<GpuPicture | string>;
  /** Gives the GPU's memory back. No other call afterwards. */
  close(): void;
}

/** A picture that the GPU can preprocess. */
export interface GpuPicture {
  /**
   * Has the tensor written: elements of the input's dtype in a buffer of at least their bytes
   * (storage, copies in both directions). It is rewritten by the next picture, so its use must be
   * over by then. A failure ends GPU preprocessing for this model.
   */
  write(): Issued & { tensor: GPUBuffer };
  close(): void;
}

/** What is the same for all models on a device. */
interface DeviceState {
  images: GpuImages;
  shaders: Promise<GpuShaders>;
}

const devices = new WeakMap<GPUDevice, DeviceState>();

/**
 * Prepares preprocessing for a model on a device. What takes time begins here, and is awaited by the
 * first picture.
 */
export function createGpuPreprocessor(
  device: GPUDevice,
  input: ModelInput,
  preprocess: Preprocess,
): GpuPreprocessor {
  const { images, shaders } = stateOf(device);
  let passes: GpuPasses | undefined;
  let broken = tensorObstacle(device, input);
  const opening = shaders.then(
    (compiled) => {
      if (broken !== undefined) return;
      passes = new GpuPasses(device, compiled, images.unpremultiply, input, preprocess);
    },
    (error: unknown) => {
      broken ??= `its shaders failed: ${messageOf(error)}`;
    },
  );
  return {
    async accept(source, region) {
      const plan = planGeometry(source, input, preprocess, region);
      await opening;
      if (broken !== undefined || !passes) return broken ?? 'it was closed';
      const { window } = plan;
      if (window.width === 0 || window.height === 0) return 'nothing of it reaches the input';
      const obstacle = passes.obstacle(plan);
      if (obstacle !== undefined) return obstacle;
      const image = await images.accept(source);
      if (typeof image === 'string') return image;
      const { tensor } = passes;
      const write = passes.run.bind(passes, image, plan);
      return {
        write() {
          const issued = watched(device, write);
          void issued.failure.then((failure) => {
            if (failure !== undefined) broken = `the GPU failed before: ${failure}`;
          });
          return { ...issued, tensor };
        },
        close: () => image.close(),
      };
    },
    close() {
      broken ??= 'it was closed';
      passes?.close();
      passes = undefined;
    },
  };
}

function stateOf(device: GPUDevice): DeviceState {
  const known = devices.get(device);
  if (known) return known;
  const state = { images: new GpuImages(device), shaders: compileShaders(device) };
  devices.set(device, state);
  return state;
}

function tensorObstacle(device: GPUDevice, input: ModelInput): string | undefined {
  const { maxStorageBufferBindingSize: most } = device.limits;
  // The picture takes four bytes a pixel on the way.
  const bytes = Math.max(tensorSize(input).bytes, input.width * input.height * 4);
  if (bytes <= most) return undefined;
  return `the input has ${bytes} bytes, and the GPU's buffers have ${most}`;
}

/** Work that the GPU was given. */
export interface Issued {
  /** Whether it is known already that the work was not even issued. */
  failed: boolean;
  /** Why the GPU refused it; `undefined` if it did not. */
  failure: Promise<string | undefined>;
}

/**
 * Issues work and watches what becomes of it. A device that is lost refuses nothing; whoever waits
 * for its results hears of it.
 */
function watched(device: GPUDevice, issue: () => void): Issued {
  const kinds = ['internal', 'out-of-memory', 'validation'] as const;
  for (const kind of kinds) device.pushErrorScope(kind);
  let thrown: string | undefined;
  try {
    issue();
  } catch (error) {
    thrown = messageOf(error);
  }
  const scopes = kinds.map(() => device.popErrorScope().catch(() => null));
  const failure = Promise.all(scopes).then(
    (errors) => thrown ?? errors.find((error) => error !== null)?.message,
  );
  return { failed: thrown !== undefined, failure };
}
