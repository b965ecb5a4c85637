/** What `<tabserve-classifier>` says, in the languages that it brings. */

/** The texts of `<tabserve-classifier>`. `{percent}` stands for how much of a load is done. */
export interface ClassifierTexts {
  /** The model is loading, and its size is not known. */
  loading: string;
  /** The model is loading. Has `{percent}` where the number belongs. */
  loadingProgress: string;
  /** The model looks at a picture, and has done so for a second. */
  working: string;
  /** There is no answer with a score of at least `threshold`. */
  noAnswer: string;
  /**
   * No answer is likely by itself, but several agree on a group. Has `{group}` and `{label}` where the group
   * and the best answer belong.
   */
  unsure: string;
  /** The picture cannot be read. */
  pictureError: string;
  /** Worker, engine or model cannot be used. */
  startError: string;
  /** The button that opens a picture. */
  choosePicture: string;
  /** Beside that button. */
  dropHint: string;
  /** What was chosen, dropped or pasted is no picture. */
  notAPicture: string;
  /** What stands for the chosen picture where it cannot be seen. */
  pictureName: string;
  /** The button that starts the camera. */
  startCamera: string;
  /** The button that stops the camera. */
  stopCamera: string;
  /** The camera is starting; the browser may be asking the user. */
  cameraStarting: string;
  /** What stands for the camera's picture where it cannot be seen. */
  cameraName: string;
  /** The user, or the browser's settings, refused the camera. */
  cameraRefused: string;
  /** There is no camera. */
  cameraMissing: string;
  /** Another program uses the camera. */
  cameraBusy: string;
  /** This page may not use a camera, or the browser has none to give: it needs https. */
  cameraUnavailable: string;
}

/** The texts by language. */
const languages: Readonly<Record<string, ClassifierTexts>> = {
  en: {
    loading: 'Loading the model',
    loadingProgress: 'Loading the model: {percent}',
    working: 'Looking at the picture',
    noAnswer: 'Nothing was recognised.',
    unsure: 'Unsure: {group}, perhaps {label}',
    pictureError: 'This picture could not be read.',
    startError: 'The image classifier could not be started.',
    choosePicture: 'Choose a picture',
    dropHint: 'or drop or paste one',
    notAPicture: 'That is not a picture.',
    pictureName: 'Your picture',
    startCamera: 'Start the camera',
    stopCamera: 'Stop the camera',
    cameraStarting: 'Starting the camera',
    cameraName: 'Camera picture',
    cameraRefused: 'The camera was refused. Allow it for this page, and try again.',
    cameraMissing: 'This device has no camera.',
    cameraBusy: 'Another program is using the camera.',
    cameraUnavailable: 'This page may not use a camera.',
  },
  de: {
    loading: 'Das Modell wird geladen',
    loadingProgress: 'Das Modell wird geladen: {percent}',
    working: 'Das Bild wird betrachtet',
    noAnswer: 'Es wurde nichts erkannt.',
    unsure: 'Unsicher: {group}, vielleicht {label}',
    pictureError: 'Dieses Bild konnte nicht gelesen werden.',
    startError: 'Die Bilderkennung konnte nicht gestartet werden.',
    choosePicture: 'Bild auswählen',
    dropHint: 'oder hierher ziehen oder einfügen',
    notAPicture: 'Das ist kein Bild.',
    pictureName: 'Ihr Bild',
    startCamera: 'Kamera starten',
    stopCamera: 'Kamera stoppen',
    cameraStarting: 'Die Kamera wird gestartet',
    cameraName: 'Kamerabild',
    cameraRefused:
      'Der Zugriff auf die Kamera wurde abgelehnt. Erlauben Sie ihn für diese Seite und versuchen Sie es noch einmal.',
    cameraMissing: 'Dieses Gerät hat keine Kamera.',
    cameraBusy: 'Ein anderes Programm verwendet die Kamera.',
    cameraUnavailable: 'Diese Seite darf keine Kamera verwenden.',
  },
  zh: {
    loading: '正在加载模型',
    loadingProgress: '正在加载模型：{percent}',
    working: '正在识别图片',
    noAnswer: '未识别出任何内容。',
    unsure: '不太确定：{group}，可能是{label}',
    pictureError: '无法读取此图片。',
    startError: '无法启动图像识别。',
    choosePicture: '选择图片',
    dropHint: '或拖放、粘贴图片',
    notAPicture: '这不是图片。',
    pictureName: '您的图片',
    startCamera: '打开摄像头',
    stopCamera: '关闭摄像头',
    cameraStarting: '正在打开摄像头',
    cameraName: '摄像头画面',
    cameraRefused: '摄像头权限被拒绝。请允许此页面使用摄像头，然后重试。',
    cameraMissing: '此设备没有摄像头。',
    cameraBusy: '摄像头正被其他程序使用。',
    cameraUnavailable: '此页面无法使用摄像头。',
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
