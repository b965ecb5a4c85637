/** Explanations for a model server: what `POST /explanations/{model}` is answered with. */
import { TabserveError } from '../base/errors.js';
import { type ExplainableImages, explainImage, type ImageExplainOptions } from './image.js';
import type { Explainable, RequestTreatment } from './model.js';
import { explainText, type TextExplainOptions } from './text.js';

/** A question to a server, as far as it can be explained. */
export type ExplainedQuestion =
  | { kind: 'image'; blob: Blob }
  | { kind: 'text'; texts: readonly (string | { text: string; pair: string })[] }
  | { kind: 'audio' | 'rows' };

/** Parameters of a request that are numbers. */
const numbers = ['masks', 'grid', 'probability', 'seed', 'window', 'stride', 'batch'];
const words = ['method', 'class', 'baseline'];

/**
 * Explains a classifier's answer, for `new ModelServer({ explainer })`: of a picture
 * `{ method, label, index, score, heatmap: { width, height, data }, region }`, of a text
 * `{ method, label, index, score, tokens }`. The request's parameters are the options of `explain()`, by
 * their names. The model has to be created with `explanations: true`.
 *
 * @throws TabserveError `invalid-argument` for an unknown parameter; `unsupported` for other models; else
 *   as `explain()`.
 */
export async function explainer(
  model: { readonly task: string; readonly info: Explainable['info'] },
  question: ExplainedQuestion,
  parameters: Readonly<Record<string, unknown>>,
  { signal, priority, timeout }: RequestTreatment,
): Promise<unknown> {
  const options = {
    ...optionsOf(parameters, model),
    ...(signal && { signal }),
    ...(priority && { priority }),
    ...(timeout !== undefined && { timeout }),
  };
  if (question.kind === 'image') {
    const images = model as ExplainableImages;
    const { overlay: _, ...plain } = await explainImage(
      images,
      question.blob,
      options as ImageExplainOptions,
    );
    return { ...plain, heatmap: { ...plain.heatmap, data: Array.from(plain.heatmap.data) } };
  }
  const [text, ...others] = question.kind === 'text' ? question.texts : [];
  if (text !== undefined && others.length === 0) {
    return explainText(model as Explainable, text, options as TextExplainOptions);
  }
  throw new TabserveError(
    question.kind === 'text' ? 'invalid-argument' : 'unsupported',
    'Explained are one picture, or one text.',
    { details: { kind: question.kind } },
  );
}

function optionsOf(
  parameters: Readonly<Record<string, unknown>>,
  { info }: { readonly info: Explainable['info'] },
): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (numbers.includes(name)) options[name] = Number(value);
    else if (words.includes(name)) options[name] = value;
    else {
      throw new TabserveError(
        'invalid-argument',
        `The parameter "${name.slice(0, 60)}" is unknown here; there are ${[...words, ...numbers].join(', ')}.`,
        { details: { option: name.slice(0, 60) } },
      );
    }
  }
  // In an address a class's place is a text too; a label that looks like one comes first.
  const { class: wanted } = options;
  const isLabel = info.model.labels?.includes(String(wanted)) ?? false;
  if (typeof wanted === 'string' && /^\d+$/.test(wanted) && !isLabel)
    options.class = Number(wanted);
  return options;
}
