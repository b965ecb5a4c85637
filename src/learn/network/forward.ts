/** A network's layers as nodes, for answering and for training. */
import { GraphBuilder } from '../onnx/builder.js';
import {
  type Layer,
  type LayerPlan,
  type NetworkNumbers,
  type NetworkPlan,
  type Slot,
  sizeOf,
  type Window,
} from './spec.js';

/** What a picture's bytes are brought to: `(x − mean) / deviation`. */
export interface PixelScale {
  mean: number;
  deviation: number;
}

/** What is added to a variance, so that it can be divided by: PyTorch's. */
export const varianceEpsilon = 1e-5;

/** The attributes of a convolution or a pool. */
export function attributesOf({ window }: LayerPlan) {
  const { kernel, strides, padding } = window as Window;
  return { kernel_shape: kernel, strides, pads: [padding, padding, padding, padding] };
}

/** The operator of a pool. */
export function poolOf(layer: Layer): 'MaxPool' | 'AveragePool' {
  return layer.type === 'pool' && layer.kind === 'average' ? 'AveragePool' : 'MaxPool';
}

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
  { parameters, statistics }: NetworkNumbers,
  scale: PixelScale,
  output: { name: 'logits' } | { name: 'scores'; temperature: number; labels: readonly string[] },
): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  let value = scaled(graph, graph.input('input', 'float32', ['N', ...input]), scale);
  for (const plan of layers) {
    const { layer, from } = plan;
    const constant = (slot: Slot, numbers: Float32Array) => {
      const part = numbers.subarray(slot.offset, slot.offset + sizeOf(slot.dims));
      return graph.tensor('float32', slot.dims, part);
    };
    const constants = [
      ...[plan.weights, plan.biases].flatMap((slot) => (slot ? [constant(slot, parameters)] : [])),
      ...[plan.means, plan.variances].flatMap((slot) => (slot ? [constant(slot, statistics)] : [])),
    ];
    switch (layer.type) {
      case 'conv':
        value = graph.op('Conv', [value, ...constants], attributesOf(plan));
        break;
      case 'pool':
        value = graph.op(poolOf(layer), [value], attributesOf(plan));
        break;
      case 'relu':
        value = graph.op('Relu', [value]);
        break;
      case 'dense':
        if (from.length > 1) value = graph.op('Flatten', [value], { axis: 1 });
        value = graph.op('Gemm', [value, ...constants]);
        break;
      case 'batch-norm':
        value = graph.op('BatchNormalization', [value, ...constants], {
          epsilon: { float: varianceEpsilon },
        });
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
