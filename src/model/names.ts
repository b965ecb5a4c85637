/** What only the graph of a described repository tells: names, types, and what its output is. */
import { activationOf, imageInput, refuseConstant, scoresOutput } from './complete.js';
import { fitsLabels } from './fit.js';
import type { ModelManifest } from './manifest.js';
import type { OnnxModel } from './onnx/graph.js';
import type { CompleteRequest, Completion } from './translation.js';

/**
 * A hub's manifest with the names and types of the graph, which its files do not tell. Scores that the
 * graph makes by itself are not made again.
 *
 * @throws TabserveError `model-invalid`.
 */
export function withGraphNames(
  { manifest, inputs, outputs, where }: CompleteRequest & { manifest: ModelManifest },
  model: OnnxModel | null,
): Completion {
  const { input, dtype } = imageInput(inputs, where);
  const labels = Array.isArray(manifest.labels) ? manifest.labels.length : null;
  const scores = scoresOutput(outputs, model, labels, where);
  refuseConstant(scores, where);
  const { meaning, classes } = scores;
  const isDone = meaning.kind === 'probabilities' && !meaning.isGuess;
  const activation = isDone ? activationOf(meaning, classes ?? 2) : manifest.output.activation;
  const fits = classes === null || labels === null || fitsLabels(classes, labels);
  const complete: ModelManifest = {
    ...manifest,
    input: { ...manifest.input, name: input.name, dtype },
    output: {
      ...manifest.output,
      name: scores.output.name,
      activation: classes === 1 && activation === 'softmax' ? 'sigmoid' : activation,
      ...meaning.quantised,
    },
  };
  return {
    manifest: complete,
    found: isDone && fits ? [`scores by ${meaning.by} in the graph`] : [],
    fallbacks: [],
    assumed: [],
  };
}
