/** Preprocessing made visible: the network's input, element by element, through the public API. */
import type { Page } from '@playwright/test';
import type {
  ImageClassifier,
  ModelInput,
  ModelManifest,
  PixelRect,
  Preprocess,
} from '../src/index.js';
import { writeOnnx } from './onnx.js';

/** What is drawn, and what it is handed over as. Pictures are noise with gradients. */
export interface TrialPicture {
  as: 'png' | 'jpeg' | 'bitmap' | 'canvas' | 'frame' | 'yuv-frame' | 'image-data';
  width: number;
  height: number;
  /** Transparent in every degree. JPEG and YUV have no transparency. */
  alpha?: boolean;
  colorSpace?: PredefinedColorSpace;
  /** EXIF orientation of a JPEG, 1…8. @default none */
  orientation?: number;
}

/** One preprocessing, to be done on the GPU and on the CPU. */
export interface Trial {
  input: Omit<ModelInput, 'name'>;
  preprocess: Preprocess;
  picture: TrialPicture;
  crop?: PixelRect | undefined;
  /** How often the same picture is given, all at once. @default 1 */
  times?: number;
}

/** What became of a {@link Trial}. */
export interface Outcome {
  /** What the GPU classifier did it on, picture by picture, and why. */
  on: string[];
  reasons: string[];
  elements: number;
  /** Different numbers in the tensor. */
  distinct: number;
  /** Elements that are not the same on GPU and CPU. */
  differing: number;
  first?: string;
}

/** A model that answers its own input, one "class" for each element. */
export function tensorProbe(
  input: Omit<ModelInput, 'name'>,
  preprocess: Preprocess,
): { manifest: ModelManifest; model: Buffer } {
  const { width, height, channels, layout, dtype } = input;
  const elements = width * height * channels;
  const shape = layout === 'NCHW' ? ['N', channels, height, width] : ['N', height, width, channels];
  // No arithmetic: software adapters have none for halves, and a Cast of bytes is one.
  return {
    model: writeOnnx({
      input: { name: 'pixels', type: dtype, shape },
      nodes: [{ op: 'Flatten', attributes: { axis: 1 } }],
      output: { name: 'elements', type: dtype, shape: ['N', elements] },
    }),
    manifest: {
      name: 'tensor-probe',
      version: '1.0.0',
      task: 'image-classification',
      labels: Array.from({ length: elements }, (_, index) => `${index}`),
      input: { name: 'pixels', ...input },
      preprocess,
      output: { name: 'elements', activation: 'none' },
      files: [{ url: 'probe.onnx', dtype: 'fp32' }],
    },
  };
}

declare global {
  interface Window {
    /** Keep the workers, so that not every trial starts an engine. */
    anchors: ImageClassifier[];
  }
}

/** Starts a worker for either device, for all trials on this page. */
export async function anchor(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { ImageClassifier } = window.tabserve;
    window.anchors = await Promise.all(
      (['wasm', 'webgpu'] as const).map((device) =>
        ImageClassifier.create({ model: 'digits', device, preprocessing: 'cpu' }),
      ),
    );
  });
}

/** Does a trial on WebGPU with the GPU, and on WASM with the CPU, and compares the tensors. */
export async function compare(page: Page, trial: Trial): Promise<Outcome> {
  const { manifest, model } = tensorProbe(trial.input, trial.preprocess);
  const { picture, crop, times = 1 } = trial;
  return page.evaluate(
    async ({ manifest, model, picture, crop, times }) => {
      const { ImageClassifier } = window.tabserve;
      const { width, height, alpha = false, as, colorSpace = 'srgb' } = picture;
      const data = new Uint8ClampedArray(width * height * 4);
      for (let i = 0; i < width * height; i++) {
        const noise = Math.imul(i + 1, 2654435761) >>> 8;
        const [x, y] = [i % width, Math.floor(i / width)];
        data[i * 4] = (x * 255) / width + (noise & 31);
        data[i * 4 + 1] = (y * 255) / height + ((noise >> 5) & 31);
        data[i * 4 + 2] = noise >> 10;
        data[i * 4 + 3] = alpha ? (noise >> 14) & 255 : 255;
      }
      const pixels = new ImageData(data, width, height, { colorSpace });
      const canvas = document.createElement('canvas');
      Object.assign(canvas, { width, height });
      canvas.getContext('2d', { colorSpace })?.putImageData(pixels, 0, 0);
      const make = async () => {
        switch (as) {
          case 'png':
          case 'jpeg': {
            const blob = await new Promise<Blob>((resolve, reject) =>
              canvas.toBlob((blob) => (blob ? resolve(blob) : reject()), `image/${as}`, 0.9),
            );
            if (!picture.orientation) return blob;
            // A segment APP1 behind the start of the image: a TIFF header and one field, 0x112.
            const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1];
            const value = [0, picture.orientation, 0, 0, 0, 0, 0, 0];
            const name = [0x45, 0x78, 0x69, 0x66, 0, 0];
            const exif = [0xff, 0xe1, 0, 34, ...name, ...tiff, ...value];
            const parts = [blob.slice(0, 2), new Uint8Array(exif), blob.slice(2)];
            return new Blob(parts, { type: blob.type });
          }
          case 'bitmap':
            return createImageBitmap(canvas);
          case 'canvas':
            return canvas;
          case 'frame':
            return new VideoFrame(canvas, { timestamp: 0, alpha: alpha ? 'keep' : 'discard' });
          case 'yuv-frame': {
            const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
            const bytes = new Uint8Array(width * height + 2 * chroma);
            for (let i = 0; i < bytes.length; i++) bytes[i] = data[i * 2] as number;
            return new VideoFrame(bytes, {
              format: 'I420',
              codedWidth: width,
              codedHeight: height,
              timestamp: 0,
            });
          }
          case 'image-data':
            return pixels;
        }
      };
      const image = await make();
      const files = { 'probe.onnx': new Blob([new Uint8Array(model)]) };
      const tensors: Float32Array[] = [];
      const on: string[] = [];
      const reasons: string[] = [];
      for (const preprocessing of ['cpu', 'gpu'] as const) {
        const device = preprocessing === 'cpu' ? 'wasm' : 'webgpu';
        const classifier = await ImageClassifier.create({
          model: { manifest, files },
          device,
          preprocessing,
        });
        classifier.addEventListener('request', ({ detail }) => {
          if (preprocessing === 'cpu') return;
          on.push(detail.preprocessing.device);
          reasons.push(detail.preprocessing.reason);
        });
        const elements = classifier.info.model.labels.length;
        const asked = Array.from({ length: preprocessing === 'gpu' ? times : 1 }, () =>
          classifier.classify(image, { topK: elements, ...(crop && { crop }) }),
        );
        for (const answers of await Promise.all(asked)) {
          const tensor = new Float32Array(elements).fill(Number.NaN);
          for (const { index, score } of answers) tensor[index] = score;
          tensors.push(tensor);
        }
        classifier.destroy();
      }
      if (image instanceof VideoFrame || image instanceof ImageBitmap) image.close();
      const [expected = new Float32Array(), ...found] = tensors;
      if (expected.some(Number.isNaN)) throw new Error('Negative elements are no scores.');
      const differing = found.flatMap((tensor) =>
        Array.from(expected.keys()).filter((i) => !Object.is(tensor[i], expected[i])),
      );
      const [first] = differing;
      return {
        on,
        reasons,
        elements: expected.length,
        distinct: new Set(expected).size,
        differing: differing.length,
        ...(first !== undefined && {
          first: `element ${first}: ${found[0]?.[first]} instead of ${expected[first]}`,
        }),
      };
    },
    { manifest, model: Array.from(model), picture, crop, times },
  );
}
