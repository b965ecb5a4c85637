/** The labels in a repository's `config.json`. */
import { contradiction, type Fields, invalid, isFields } from './hub-fields.js';
import { labelsIn } from './label-file.js';

/**
 * The labels, one per class.
 *
 * @param warnings - Is told what was assumed.
 * @throws TabserveError `manifest-invalid`.
 */
export function labelsOf(config: Fields, where: string, warnings: string[]): string[] {
  const file = 'config.json';
  const timm = isFields(config.pretrained_cfg) ? config.pretrained_cfg : {};
  const { num_labels: declared } = config;
  const id2label = config.id2label ?? inverted(config.label2id);
  const classes = config.num_classes ?? timm.num_classes;
  const given = config.label_names ?? timm.label_names;
  // timm writes them by their number too.
  const names = isFields(given) ? labelsIn(given) : given;
  if (isFields(id2label)) {
    const labels: string[] = [];
    for (const [id, label] of Object.entries(id2label)) {
      if (!/^\d{1,7}$/.test(id) || typeof label !== 'string') {
        throw invalid(where, file, `id2label.${id.slice(0, 40)}`, label, 'a number and its label');
      }
      labels[Number(id)] = label;
    }
    // A length beyond the count of entries means gaps; counting first, a hostile index costs nothing.
    if (labels.length !== Object.keys(id2label).length) {
      throw invalid(
        where,
        file,
        'id2label',
        `${Object.keys(id2label).length} labels up to number ${labels.length - 1}`,
        'one label for each number from 0 on',
      );
    }
    if (typeof declared === 'number' && declared !== labels.length) {
      throw contradiction(
        where,
        file,
        'num_labels',
        declared,
        'id2label',
        `${labels.length} labels`,
      );
    }
    if (labels.length > 0) return labels;
  }
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string')) {
    return names;
  }
  const count = declared ?? classes;
  if (count === undefined && id2label === undefined && typeof config.model_type === 'string') {
    warnings.push('config.json has no labels; the two that transformers gives then were taken.');
    return ['LABEL_0', 'LABEL_1'];
  }
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > 1_000_000) {
    throw invalid(where, file, 'id2label', id2label, 'the labels by their number');
  }
  warnings.push(`config.json has no labels; the ${count} classes are named by their numbers.`);
  return Array.from({ length: count }, (_, index) => `${index}`);
}

/** `label2id` the other way round. */
function inverted(label2id: unknown): Fields | undefined {
  if (!isFields(label2id) || Object.keys(label2id).length === 0) return undefined;
  return Object.fromEntries(Object.entries(label2id).map(([label, id]) => [`${id}`, label]));
}
