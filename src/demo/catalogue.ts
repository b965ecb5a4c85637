/** The models that come with tabserve, and what this page uses each of them for. */
import { ImageClassifier } from 'tabserve';
import { t } from './language.js';
import type { ModelChoice } from './state.js';

/** What the pad is for. */
export const digitsModel = 'digits';
/** What photographs are for. */
const picturesModel = 'photos';

export class Catalogue {
  readonly choices: readonly ModelChoice[];

  constructor(choices: readonly ModelChoice[]) {
    this.choices = choices;
  }

  static async read(): Promise<Catalogue> {
    const entries = await ImageClassifier.models();
    return new Catalogue(
      entries.map(({ name, title }) => ({
        key: name,
        title: title ? t(title) : name,
        source: name,
      })),
    );
  }

  find(key: string | null): ModelChoice | undefined {
    return this.choices.find((choice) => choice.key === key);
  }

  /** The model for photographs; in a build without one, whatever there is. */
  get forPictures(): ModelChoice {
    const choice = this.find(picturesModel) ?? this.choices[0];
    if (!choice) throw new Error('This build of tabserve has no embedded model.');
    return choice;
  }
}
