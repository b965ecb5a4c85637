/**
 * Preprocessing on the GPU that runs the model, where that gives the same bits; else on the CPU,
 * with the reason. Only part of the workers that have WebGPU.
 */

import type { PreprocessingChoice, PreprocessingReport } from '../api/types.js';
import { TabserveError } from '../base/errors.js';
import type { PixelRect, PixelSource } from '../input/image/types.js';
import { createGpuPreprocessor } from '../input/image/webgpu.js';
import type { Backend, OrtModule } from './backend.js';
import { cpuPreparer, type PreparedModel, type PreparedPicture, type Preparer } from './prepare.js';

/** Chooses what preprocesses a model's pictures. */
export function choosePreparer(
  { gpu, ort }: Backend,
  choice: PreprocessingChoice,
  model: PreparedModel,
): Preparer {
  if (!gpu) return cpuPreparer(model);
  const onCpu = (reason: string) => cpuPreparer(model, { device: 'cpu', reason });
  if (choice === 'cpu') return onCpu('asked for by name');
  if (choice === 'auto' && gpu.isSoftware) {
    return onCpu('the adapter is a software one, slower than WASM');
  }
  const { manifest, fit } = model.session;
  const type = gpuTypes.find((each) => each === manifest.input.dtype);
  if (!type || fit.batch > 1)
    return onCpu('the GPU writes one picture of float32, float16 or uint8');
  const reason = choice === 'gpu' ? 'asked for by name' : 'the GPU that runs the model does it too';
  return gpuPreparer(ort, gpu.device, model, type, {
    device: 'gpu',
    reason,
  });
}

/** Element types that the GPU writes. */
const gpuTypes = ['float32', 'float16', 'uint8'] as const;

function gpuPreparer(
  ort: OrtModule,
  device: GPUDevice,
  model: PreparedModel,
  dataType: (typeof gpuTypes)[number],
  report: PreprocessingReport,
): Preparer {
  const { input, preprocess } = model.session.manifest;
  const preprocessor = createGpuPreprocessor(device, input, preprocess);
  const onCpu = (
    reason: string,
    source: PixelSource,
    region: PixelRect | undefined,
    signal: AbortSignal,
  ) => cpuPreparer(model, { device: 'cpu', reason }).prepare(source, region, signal);
  return {
    report,
    async prepare(source, region, signal): Promise<PreparedPicture> {
      const picture = await preprocessor.accept(source, region).catch((error: unknown) => {
        source.close();
        throw error;
      });
      if (typeof picture === 'string') return onCpu(picture, source, region, signal);
      let reported = report;
      return {
        get report() {
          return reported;
        },
        async run(onWritten) {
          const outcome = await picture.run((tensor) => {
            onWritten();
            const { dims } = model.session.fit;
            checkSize(tensor, model.input.byteLength);
            const feed = ort.Tensor.fromGpuBuffer(tensor, { dataType, dims });
            return model.session.run(feed);
          });
          if ('value' in outcome) return outcome.value;
          const instead = await onCpu(`the GPU failed: ${outcome.failure}`, source, region, signal);
          reported = instead.report;
          return instead.run(onWritten);
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

/** The engine would read past the end of a buffer that is too small, and find zeros. */
function checkSize({ size }: GPUBuffer, bytes: number): void {
  if (size >= bytes) return;
  throw new TabserveError('internal', `The input has ${bytes} bytes, its buffer ${size}.`);
}
