/** What in a manifest is probably meant otherwise: each is possible, and most are mistakes. */
import type { ModelManifest } from '../model/manifest.js';
import type { OnnxModel } from '../model/onnx/graph.js';
import { rangeOf, startOf } from '../model/onnx/normalisation.js';
import { meaningOf } from '../model/onnx/scores.js';

/** Caffe's means, blue first. */
const caffe = [103.939, 116.779, 123.68];

/**
 * @param model - The graph.
 * @returns `errors` cannot be right; `warnings` should be looked at.
 */
export function doubtsOf(
  { input, preprocess, output }: ModelManifest,
  model: OnnxModel,
): { errors: string[]; warnings: string[] } {
  const errors: string[] = [];
  const warnings: string[] = [];
  const { kind, by, isGuess } = meaningOf(model, output.name);
  const { activation } = output;
  if (kind === 'probabilities' && activation !== 'none') {
    (isGuess ? warnings : errors).push(
      `output.activation is "${activation}", but "${output.name}" has been through ${by} in the graph: scores would be flattened twice. Write "none".`,
    );
  }
  if (kind === 'log-probabilities' && activation === 'none') {
    warnings.push(
      `"${output.name}" ends in ${by}: scores are logarithms. "softmax" makes them 0…1.`,
    );
  }
  if (kind === 'class-number' || kind === 'ranking') {
    errors.push(
      `"${output.name}" comes from ${by}: a class number or the best few, not one score per class.`,
    );
  }
  if (kind === 'logits' && activation === 'none') {
    warnings.push(
      `output.activation is "none", but "${output.name}" ends in ${by}, which gives logits. You may need "softmax" or "sigmoid".`,
    );
  }
  const list = (value: number | number[] | undefined) =>
    value === undefined ? [] : [value].flat();
  const mean = list(preprocess.mean);
  const std = list(preprocess.std);
  const isFloat = input.dtype.startsWith('float');
  const span = 255 * (preprocess.scale ?? (isFloat ? 1 / 255 : 1));
  const largest = Math.max(...mean, ...std);
  if (isFloat && span <= 2 && largest > 2) {
    warnings.push(
      `mean or std go up to ${largest}, as for 0…255, while "scale" brings pixels to 0…${+span.toFixed(3)}. Write "scale": 1, or divide them by 255.`,
    );
  }
  if (isFloat && span > 100 && mean.length > 0 && largest < 2) {
    warnings.push(
      `mean and std are of 0…1, while "scale" leaves pixels at 0…${+span.toFixed(1)}. Leave "scale" out.`,
    );
  }
  if (
    std.length > 0 &&
    std.every((each) => each === 1) &&
    mean.some((each) => each > 0 && each < 1)
  ) {
    warnings.push(
      "std is 1 beside a mean of 0…1; most such models divide by a deviation, such as ImageNet's [0.229, 0.224, 0.225].",
    );
  }
  const near = (order: readonly number[]) =>
    mean.length === 3 && mean.every((each, c) => Math.abs(each - (order[c] as number)) < 1);
  if (near(caffe) && input.colorOrder === 'RGB') {
    warnings.push(
      'mean is Caffe\'s, blue first, while colorOrder is RGB. "BGR" is probably meant.',
    );
  }
  if (near([...caffe].reverse()) && input.colorOrder === 'BGR') {
    warnings.push("mean is Caffe's, red first, while colorOrder is BGR. Turn mean round.");
  }
  const { affine } = startOf(model, input.name);
  if (
    affine &&
    rangeOf(affine) !== undefined &&
    (mean.some((each) => each !== 0) || std.some((each) => each !== 1))
  ) {
    warnings.push(
      'the graph normalises its input by itself, and "mean" and "std" do so before it: once is probably meant.',
    );
  }
  return { errors, warnings };
}
