/** What `<tabserve-classifier>` says, in the languages that it brings. */

/** The texts of `<tabserve-classifier>`. `{percent}` stands for how much of a load is done. */
export interface ClassifierTexts {
  /** The model is loading, and its size is not known. */
  loading: string;
  /** The model is loading. Has `{percent}` where the number belongs. */
  loadingProgress: string;
  /** There is no answer with a score of at least `threshold`. */
  noAnswer: string;
  /** The picture cannot be read. */
  pictureError: string;
  /** Worker, engine or model cannot be used. */
  startError: string;
}

/** The texts by language. */
const languages: Readonly<Record<string, ClassifierTexts>> = {
  en: {
    loading: 'Loading the model',
    loadingProgress: 'Loading the model: {percent}',
    noAnswer: 'Nothing was recognised.',
    pictureError: 'This picture could not be read.',
    startError: 'The image classifier could not be started.',
  },
  de: {
    loading: 'Das Modell wird geladen',
    loadingProgress: 'Das Modell wird geladen: {percent}',
    noAnswer: 'Es wurde nichts erkannt.',
    pictureError: 'Dieses Bild konnte nicht gelesen werden.',
    startError: 'Die Bilderkennung konnte nicht gestartet werden.',
  },
  zh: {
    loading: '正在加载模型',
    loadingProgress: '正在加载模型：{percent}',
    noAnswer: '未识别出任何内容。',
    pictureError: '无法读取此图片。',
    startError: '无法启动图像识别。',
  },
};

/** The names of the texts. */
export const textNames = Object.keys(languages.en as ClassifierTexts) as (keyof ClassifierTexts)[];

/**
 * The texts of a language, English where there are none of it.
 *
 * @param language - A language tag: of `de-AT` only the first part counts.
 */
export function textsOf(language: string): ClassifierTexts {
  const [code = ''] = language.toLowerCase().split('-');
  return (Object.hasOwn(languages, code) ? languages[code] : languages.en) as ClassifierTexts;
}

/** The language that an element is in, as the nearest `lang` says; else that of the browser. */
export function languageOf(element: Element): string {
  for (let at: Element | null = element; at !== null; ) {
    const said: Element | null = at.closest('[lang]');
    if (said) return said.getAttribute('lang') || navigator.language;
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.language;
}
