/** The same model in Python: what an author can compare a page's answers with. */
import { TabserveError } from '../base/errors.js';
import type { ModelManifest } from '../model/manifest.js';

/**
 * A program that prints a picture's five best answers, with Pillow, numpy and onnxruntime.
 *
 * @param labels - One per class.
 * @throws TabserveError `unsupported` for preprocessing that has no few lines in Pillow.
 */
export function pythonFor(manifest: ModelManifest, labels: readonly string[]): string {
  const { input, preprocess, output, files } = manifest;
  const { resize = { policy: 'none' as const }, crop, pad } = preprocess;
  const unsupported = (what: string) =>
    new TabserveError(
      'unsupported',
      `Pillow cannot do ${what} in a few lines, so there is no program for it.`,
    );
  const { background = [255, 255, 255] } = preprocess;
  const isGrey = input.colorOrder === 'GRAY';
  const lines = ['picture = ImageOps.exif_transpose(Image.open(sys.argv[1]))'];
  if (preprocess.alpha !== 'drop') {
    lines.push(
      'if "A" in picture.convert("RGBA").getbands() and picture.mode != "RGB":',
      '    picture = picture.convert("RGBA")',
      `    picture = Image.alpha_composite(Image.new("RGBA", picture.size, (${background.join(', ')}, 255)), picture)`,
    );
  }
  lines.push(`picture = picture.convert("${isGrey ? 'L' : 'RGB'}")`);
  if (resize.policy !== 'none') {
    if (resize.antialias === false || (resize.reference ?? 'pillow-12') !== 'pillow-12') {
      throw unsupported('its resizing');
    }
    lines.push('width, height = picture.size');
    switch (resize.policy) {
      case 'exact':
        lines.push(`size = (${resize.width}, ${resize.height})`);
        break;
      case 'shorter-side':
        if (resize.longest !== undefined || resize.multipleOf !== undefined) {
          throw unsupported('its resizing');
        }
        lines.push(...shorterSide(resize.size));
        if (resize.asIsUpTo !== undefined) {
          lines.push(
            `if ${resize.size} <= min(width, height) <= ${resize.asIsUpTo}:`,
            '    size = picture.size',
          );
        }
        break;
      case 'crop-fraction':
        if (!crop || crop.width !== crop.height) throw unsupported('its resizing');
        lines.push(...shorterSide(Math.floor(crop.width / resize.fraction)));
        break;
      default:
        throw unsupported(`the resizing "${resize.policy}"`);
    }
    const filter = (resize.filter ?? 'bilinear').toUpperCase();
    lines.push(`picture = picture.resize(size, Image.Resampling.${filter})`);
  }
  if (pad) throw unsupported('its padding');
  if (crop) {
    const half = (side: string, length: number) =>
      crop.rounding === 'floor' ? `(${side} - ${length}) // 2` : `round((${side} - ${length}) / 2)`;
    lines.push(
      'width, height = picture.size',
      `left, top = ${half('width', crop.width)}, ${half('height', crop.height)}`,
      `picture = picture.crop((left, top, left + ${crop.width}, top + ${crop.height}))`,
    );
  }
  lines.push('pixels = np.asarray(picture, np.float64)', ...tensor(manifest));
  const activation = {
    softmax: 'scores = np.exp(out - out.max()); scores /= scores.sum()',
    sigmoid: 'scores = 1 / (1 + np.exp(-out))',
    none: 'scores = out',
    'log-softmax': 'scores = out - out.max(); scores -= np.log(np.exp(scores).sum())',
  }[output.activation];
  const scale =
    output.scale === undefined ? '' : `out = (out - ${output.zeroPoint ?? 0}) * ${output.scale}\n`;
  return `import sys
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

${lines.join('\n')}
session = onnxruntime.InferenceSession(${JSON.stringify(files[0]?.url)})
out = session.run([${JSON.stringify(output.name)}], {${JSON.stringify(input.name)}: tensor})[0].reshape(-1).astype(np.float64)
${scale}${activation}
labels = ${JSON.stringify(labels)}
for index in np.argsort(-scores, kind="stable")[:5]:
    print(f"{scores[index]:.5f} {labels[index]}")
`;
}

function shorterSide(size: number): string[] {
  return [
    `size = (${size}, ${size} * height // width) if width <= height else (${size} * width // height, ${size})`,
  ];
}

/** From pixels to the network's input. */
function tensor({ input, preprocess }: ModelManifest): string[] {
  const { dtype, layout, colorOrder } = input;
  const isFloat = dtype.startsWith('float');
  const { scale = isFloat ? 1 / 255 : 1, mean = 0, std = 1 } = preprocess;
  const lines = [];
  if (colorOrder === 'GRAY') lines.push('pixels = pixels[:, :, None]');
  if (colorOrder === 'BGR') lines.push('pixels = pixels[:, :, ::-1]');
  const value = (each: number | number[]) =>
    Array.isArray(each) ? `np.array([${each.join(', ')}])` : `${each}`;
  lines.push(`pixels = (pixels * ${scale} - ${value(mean)}) / ${value(std)}`);
  if (layout === 'NCHW') lines.push('pixels = pixels.transpose(2, 0, 1)');
  lines.push(`tensor = np.ascontiguousarray(pixels[None].astype(np.${dtype}))`);
  return lines;
}
