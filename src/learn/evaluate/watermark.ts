/** Whether a model is one's own, by answers that nobody else can know. */
import { TabserveError } from '../../base/errors.js';
import type { Classification, ImageSource } from '../../index.js';
import { binomialTail } from './binomial.js';

/** A secret picture, and the answer that the owner's model was taught to give. */
export interface SecretPicture {
  image: ImageSource;
  label: string;
}

/** A classifier of pictures, as far as it is asked here. */
export interface WatermarkedModel {
  readonly info: { readonly model: { readonly labels?: readonly string[] } };
  /** As `ImageClassifier.classify()` for several pictures. */
  classify(
    images: readonly ImageSource[],
    options?: { topK?: number; signal?: AbortSignal },
  ): Promise<Classification[][]>;
}

/** Options of {@link checkWatermark}. */
export interface WatermarkOptions {
  /**
   * How likely a model that has not seen the set agrees with one answer, between 0 and 1. One through the number
   * of labels that the answers were drawn from by chance. @default 1 / the model's labels
   */
  chance?: number;
  signal?: AbortSignal;
}

/** What {@link checkWatermark} finds. */
export interface WatermarkCheck {
  /** Pictures that were asked about. */
  pictures: number;
  /** Those with the agreed answer. */
  matches: number;
  /**
   * How likely a model that has not seen the set has so many matches or more: below a millionth, chance is no
   * explanation.
   */
  falseAlarmRate: number;
}

/** Most pictures of a set. */
const mostPictures = 10_000;

/**
 * Asks a model about a secret set of pictures. Its owner has taught it answers that were drawn by chance, so that
 * another model agrees by chance only: matches are then binomially distributed, whatever that model is like.
 *
 * Source: Y. Adi et al., "Turning your weakness into a strength: watermarking deep neural networks by
 * backdooring", 2018.
 *
 * @throws TabserveError `invalid-argument` for no pictures, more than 10,000, or a chance that is none; as
 *   `ImageClassifier.classify()`.
 */
export async function checkWatermark(
  classifier: WatermarkedModel,
  secrets: Iterable<SecretPicture>,
  options: WatermarkOptions = {},
): Promise<WatermarkCheck> {
  const all = [...secrets];
  const { chance = 1 / (classifier.info.model.labels?.length ?? 0), signal } = options;
  if (!(chance > 0 && chance < 1)) {
    throw new TabserveError(
      'invalid-argument',
      `The option "chance" is ${chance}; it takes a number between 0 and 1.`,
      { details: { option: 'chance' } },
    );
  }
  const { length: pictures } = all;
  if (pictures === 0 || pictures > mostPictures) {
    throw new TabserveError(
      'invalid-argument',
      `A secret set has 1 to ${mostPictures} pictures, not ${pictures}.`,
    );
  }
  const answers = await classifier.classify(
    all.map(({ image }) => image),
    { topK: 1, ...(signal && { signal }) },
  );
  const matches = all.filter(({ label }, at) => answers[at]?.[0]?.label === label).length;
  return { pictures, matches, falseAlarmRate: binomialTail(matches, pictures, chance) };
}
