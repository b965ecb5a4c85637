/**
 * Preprocessing on the GPU that runs the model, where that gives the same bits; else on the CPU,
 * with the reason. Only part of the workers that have WebGPU.
 */

import type { GpuTensor } from '../../base/gpu-tensor.js';
import type { Tensor } from '../../base/tensor.js';
import type { ImageSettings } from './checks.js';
import { release } from './decode.js';
import { inputDimensions } from './dimensions.js';
import {
  begin,
  cpuResampling,
  type ImageInput,
  type ImageManifest,
  type ImageServices,
  type ImageTarget,
  openWith,
  type Resampling,
} from './prepare.js';
import { kindOf, WayTrial } from './trial.js';
import type { CapturedImage, PixelRect, PixelSource, PreprocessingReport } from './types.js';
import { createGpuPreprocessor } from './webgpu.js';

/** Preprocessing on what the model runs on, or on what the settings ask for. */
export const imagesOnGpu: ImageInput = { begin, open, release };

function open(manifest: ImageManifest, settings: ImageSettings, services: ImageServices) {
  const { gpu } = services;
  const { preprocessing: choice = 'auto' } = settings;
  return openWith(manifest, settings, services, (target) => {
    if (!gpu) return cpuResampling(target);
    const onCpu = (reason: string) => cpuResampling(target, { device: 'cpu', reason });
    const type = gpuTypes.find((each) => each === target.input.dtype);
    if (!type) return onCpu(`the GPU does not write ${target.input.dtype}`);
    if (choice === 'cpu') return onCpu('asked for by name');
    if (choice === 'auto' && gpu.isSoftware) {
      return onCpu('the adapter is a software one, slower than WASM');
    }
    const onGpu = (reason: string) =>
      gpuResampling(gpu.device, target, type, { device: 'gpu', reason });
    return choice === 'gpu' ? onGpu('asked for by name') : triedResampling(onCpu, onGpu);
  });
}

/** Whichever is faster for pictures of the kind that come. */
function triedResampling(
  onCpu: (reason: string) => Resampling,
  onGpu: (reason: string) => Resampling,
): Resampling {
  const trial = new WayTrial();
  // Its shaders are not compiled before they are to be tried.
  let gpu: Resampling | undefined;
  const of = (image: CapturedImage): Resampling => {
    const kind = kindOf(image);
    const report = trial.next(kind);
    const { device, reason } = report;
    if (device === 'gpu') gpu ??= onGpu('it is tried');
    const way = gpu && device === 'gpu' ? gpu : onCpu(reason);
    return {
      report,
      async begin(source, region, signal) {
        const prepared = await way.begin(source, region, signal);
        return {
          get report() {
            return prepared.report.device === device ? report : prepared.report;
          },
          feed: () => prepared.feed(),
          amend: async () => prepared.amend?.(),
          took: (milliseconds) => trial.note(kind, device, prepared.report, milliseconds),
          close: () => prepared.close?.(),
        };
      },
    };
  };
  return {
    get report() {
      return trial.report;
    },
    of,
    begin: (source, region, signal) => onCpu(trial.report.reason).begin(source, region, signal),
    close: () => gpu?.close?.(),
  };
}

/** Element types that the GPU writes. */
const gpuTypes = ['float32', 'float16', 'uint8'] as const;

function gpuResampling(
  device: GPUDevice,
  target: ImageTarget,
  type: GpuTensor['type'],
  report: PreprocessingReport,
): Resampling {
  const { input, preprocess } = target;
  const preprocessor = createGpuPreprocessor(device, input, preprocess);
  const onCpu = (
    reason: string,
    source: PixelSource,
    region: PixelRect | undefined,
    signal: AbortSignal,
  ) => cpuResampling(target, { device: 'cpu', reason }).begin(source, region, signal);
  return {
    report,
    async begin(source, region, signal) {
      const picture = await preprocessor.accept(source, region).catch((error: unknown) => {
        source.close();
        throw error;
      });
      if (typeof picture === 'string') return onCpu(picture, source, region, signal);
      let reported = report;
      let failure: Promise<string | undefined> | undefined;
      const instead = async (why: string): Promise<Tensor | GpuTensor> => {
        const prepared = await onCpu(`the GPU failed: ${why}`, source, region, signal);
        reported = prepared.report;
        return prepared.feed();
      };
      return {
        get report() {
          return reported;
        },
        async feed() {
          const written = picture.write();
          // The GPU tells later whether it could: the network need not wait for that.
          if (!written.failed) {
            failure = written.failure;
            return { type, dims: inputDimensions(input), gpuBuffer: written.tensor };
          }
          return instead((await written.failure) ?? 'it took no work');
        },
        async amend() {
          const why = await failure;
          return why === undefined ? undefined : ((await instead(why)) as Tensor);
        },
        close() {
          picture.close();
          source.close();
        },
      };
    },
    close: () => preprocessor.close(),
  };
}
