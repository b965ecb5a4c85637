/** A backbone that knows nothing: its features are the pixels. */

import { GraphBuilder } from './onnx/builder.js';
import type { PictureManifest } from './types.js';

/** Pictures of one small size. */
export interface PixelSize {
  /** Pixels, 4…128. */
  width: number;
  height: number;
  /** 1 for grey, 3 for red, green and blue. @default 3 */
  channels?: 1 | 3;
}

/** The name of the features in the graph. */
export const pixelsName = 'pixels';

/**
 * A model whose embedding are the pixels of a picture as numbers of 0…255: channel by channel, row by row. A
 * picture of another size is brought to it, without regard to its proportions, as Pillow does it.
 */
export function pixelsModel({ width, height, channels = 3 }: PixelSize): {
  manifest: PictureManifest & { output: { name: string } };
  files: Record<string, Blob>;
} {
  const graph = new GraphBuilder();
  const input = graph.input('input', 'float32', ['N', channels, height, width]);
  const numbers = channels * height * width;
  graph.output(pixelsName, graph.op('Flatten', [input], { axis: 1 }), 'float32', ['N', numbers]);
  const file = graph.write('pixels');
  return {
    manifest: {
      name: 'pixels',
      version: '1.0.0',
      task: 'image-embedding',
      title: `Pixels, ${width} × ${height}`,
      input: {
        name: 'input',
        layout: 'NCHW',
        dtype: 'float32',
        width,
        height,
        channels,
        colorOrder: channels === 1 ? 'GRAY' : 'RGB',
      },
      preprocess: { resize: { policy: 'exact', width, height, filter: 'bilinear' }, scale: 1 },
      output: { name: pixelsName },
      files: [{ url: 'pixels.onnx', dtype: 'fp32', bytes: file.length }],
    },
    files: { 'pixels.onnx': new Blob([file]) },
  };
}
