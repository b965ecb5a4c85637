/** A network's layers as nodes, for answering and for training. */
import { GraphBuilder } from '../onnx/builder.js';
import { type LayerPlan, type NetworkPlan, sizeOf } from './spec.js';

/** What a picture's bytes are brought to: `(x − mean) / deviation`. */
export interface PixelScale {
  mean: number;
  deviation: number;
}

/** Zeros around the input of a convolution, on each side. */
export function paddingOf({ layer, from, to }: LayerPlan): number {
  if (layer.type !== 'conv') return 0;
  return ((to[1] ?? 0) - (from[1] ?? 0) + (layer.size ?? 3) - 1) / 2;
}

/** A convolution's attributes. */
export function convolution(plan: LayerPlan) {
  const padding = paddingOf(plan);
  const size = plan.layer.type === 'conv' ? (plan.layer.size ?? 3) : 1;
  return { kernel_shape: [size, size], pads: [padding, padding, padding, padding] };
}

/** The largest of each 2 × 2. */
export const pooling = { kernel_shape: [2, 2], strides: [2, 2] };

/** Pixels of 0…255 as the network takes them. */
export function scaled(
  graph: GraphBuilder,
  pixels: string,
  { mean, deviation }: PixelScale,
): string {
  const centred = graph.op('Sub', [pixels, graph.scalar(mean)]);
  return graph.op('Mul', [centred, graph.scalar(1 / deviation)]);
}

/**
 * A trained network as an ordinary model: its input `input` is `[N, channels, height, width]` of float32 with
 * pixels of 0…255.
 *
 * @param output - `scores` are probabilities, `logits` what softmax would make them of.
 */
export function writeNetwork(
  { input, layers, classes }: NetworkPlan,
  parameters: Float32Array,
  scale: PixelScale,
  output: { name: 'logits' } | { name: 'scores'; temperature: number; labels: readonly string[] },
): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  let value = scaled(graph, graph.input('input', 'float32', ['N', ...input]), scale);
  for (const plan of layers) {
    const { layer, from } = plan;
    const constants = [plan.weights, plan.biases].flatMap((slot) =>
      slot
        ? [
            graph.tensor(
              'float32',
              slot.dims,
              parameters.subarray(slot.offset, slot.offset + sizeOf(slot.dims)),
            ),
          ]
        : [],
    );
    switch (layer.type) {
      case 'conv':
        value = graph.op('Conv', [value, ...constants], convolution(plan));
        break;
      case 'pool':
        value = graph.op('MaxPool', [value], pooling);
        break;
      case 'relu':
        value = graph.op('Relu', [value]);
        break;
      case 'dense':
        if (from.length > 1) value = graph.op('Flatten', [value], { axis: 1 });
        value = graph.op('Gemm', [value, ...constants]);
        break;
      case 'dropout':
        break;
    }
  }
  if (output.name === 'logits') {
    graph.output('logits', value, 'float32', ['N', classes]);
    return graph.write('network');
  }
  const { temperature, labels } = output;
  if (temperature !== 1) value = graph.op('Mul', [value, graph.scalar(1 / temperature)]);
  graph.output('scores', graph.op('Softmax', [value], { axis: 1 }), 'float32', ['N', classes]);
  return graph.write('network', { labels: JSON.stringify(labels) });
}
