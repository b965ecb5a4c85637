/** What `<tabserve-classifier>` shows: a state in words, and a list of answers. Text only, no HTML. */
import type { Classification } from '../api/types.js';
import { agreedGroup } from '../base/unsure.js';
import { type ClassifierTexts, textsOf } from './texts.js';

const styles = `
:host { display: block; font: inherit; color: inherit; }
:host([hidden]), [hidden] { display: none !important; }
[part~="status"]:empty, [part~="summary"]:empty, [part~="results"]:empty { display: none; }
[part~="controls"] { display: flex; flex-wrap: wrap; align-items: center; gap: .5em; padding-block: .25em; }
[part~="controls"].over { outline: 2px dashed currentColor; outline-offset: 2px; }
[part~="button"] { font: inherit; padding: .4em .8em; cursor: pointer; }
[part~="preview"] { display: block; max-width: 100%; max-height: var(--tabserve-preview-height, 20em); }
[part~="results"] { list-style: none; margin: 0; padding: 0; display: grid; gap: var(--tabserve-gap, .25em); }
[part~="result"] { position: relative; display: flex; justify-content: space-between; gap: 1em; padding: .15em .4em; isolation: isolate; }
[part~="bar"] { position: absolute; z-index: -1; inset: 0 auto 0 0; width: calc(var(--score) * 100%); border-radius: var(--tabserve-bar-radius, .2em); background: var(--tabserve-bar-color, color-mix(in srgb, currentColor 15%, transparent)); }
[part~="score"] { font-variant-numeric: tabular-nums; }
.announcer { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
::slotted(img), ::slotted(video), ::slotted(canvas) { display: block; max-width: 100%; height: auto; }
`;

/** Made once per page, and not of a `<style>`, which a Content-Security-Policy may forbid. */
let sheet: CSSStyleSheet | undefined;

/** By language. Made on first use: to load a locale takes milliseconds. */
const percentFormats = new Map<string, Intl.NumberFormat>();

function percent(share: number, language: string): string {
  const format = percentFormats.get(language) ?? percentFormat(language);
  percentFormats.set(language, format);
  return format.format(share);
}

function percentFormat(language: string): Intl.NumberFormat {
  const options: Intl.NumberFormatOptions = { style: 'percent', maximumFractionDigits: 1 };
  try {
    return new Intl.NumberFormat(language || undefined, options);
  } catch {
    // What an author wrote into `lang` need not be a language.
    return new Intl.NumberFormat(undefined, options);
  }
}

/** What the line above the answers says: nothing, or one of the texts. */
export type Status =
  | 'nothing'
  | 'working'
  | 'noAnswer'
  | 'pictureError'
  | 'startError'
  | 'notAPicture'
  | 'cameraStarting'
  | 'cameraRefused'
  | 'cameraMissing'
  | 'cameraBusy'
  | 'cameraUnavailable';

/** Milliseconds that an answer about a video has to last before it is read out. */
const readOutAfter = 2000;

/** What the buttons do. */
export interface Handlers {
  choose(file: File | undefined): void;
  /** Starts or stops it. */
  toggleCamera(): void;
}

/** The shadow tree of one element. */
export class ClassifierView {
  readonly #controls = make('div', 'controls');
  readonly #choose = make('button', 'button') as HTMLButtonElement;
  readonly #file = document.createElement('input');
  readonly #hint = make('span', 'hint');
  readonly #camera = make('button', 'button') as HTMLButtonElement;
  readonly #image = make('img', 'preview') as HTMLImageElement;
  readonly #video = make('video', 'preview') as HTMLVideoElement;
  readonly #status = make('div', 'status');
  readonly #summary = make('div', 'summary');
  readonly #results = make('ol', 'results');
  readonly #announcer = document.createElement('div');
  #texts = textsOf('en');
  #language = '';
  /** A status, or how much of a load is done. */
  #line: Status | number | null = 'nothing';
  #answers: readonly Classification[] = [];
  #scores: readonly HTMLElement[] = [];
  #isFilming = false;
  /** What is about to be read out, and what was. */
  #waiting: { text: string; timer?: ReturnType<typeof setTimeout> } = { text: '' };
  #said = '';

  constructor(root: ShadowRoot, handlers: Handlers) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
    }
    root.adoptedStyleSheets = [sheet];
    for (const live of [this.#status, this.#announcer]) live.setAttribute('role', 'status');
    this.#announcer.className = 'announcer';
    this.#choose.type = this.#camera.type = 'button';
    this.#file.type = 'file';
    this.#file.accept = 'image/*';
    this.#video.muted = this.#video.playsInline = true;
    for (const each of [this.#file, this.#image, this.#video, this.#controls]) each.hidden = true;
    this.#choose.addEventListener('click', () => this.#file.click());
    this.#file.addEventListener('change', () => {
      handlers.choose(this.#file.files?.[0]);
      // The same file may be chosen once more.
      this.#file.value = '';
    });
    this.#camera.addEventListener('click', () => handlers.toggleCamera());
    this.#controls.append(this.#choose, this.#file, this.#hint, this.#camera);
    root.append(
      document.createElement('slot'),
      this.#controls,
      this.#image,
      this.#video,
      this.#status,
      this.#summary,
      this.#results,
      this.#announcer,
    );
  }

  /** Where the camera's picture plays. */
  get video(): HTMLVideoElement {
    return this.#video;
  }

  /** Shows the buttons that are wanted. */
  offer({ picker, camera }: { picker: boolean; camera: boolean }): void {
    this.#controls.hidden = !(picker || camera);
    this.#choose.hidden = this.#hint.hidden = !picker;
    this.#camera.hidden = !camera;
  }

  /** Marks the place of a drop while a file is over it. */
  showDrop(over: boolean): void {
    this.#controls.classList.toggle('over', over);
  }

  /** Shows a picture that was chosen, or none. */
  showPicture(file: Blob | null): void {
    const { src } = this.#image;
    if (src) URL.revokeObjectURL(src);
    if (file) this.#image.src = URL.createObjectURL(file);
    else this.#image.removeAttribute('src');
    this.#image.hidden = !file;
  }

  /** Shows the camera's picture while it is on. */
  showCamera(on: boolean): void {
    this.#isFilming = on;
    this.#video.hidden = !on;
    this.#speakControls();
  }

  /** Takes other texts, and says again in them what it said last. */
  speak(texts: ClassifierTexts, language: string): void {
    this.#texts = texts;
    this.#speakControls();
    if (language !== this.#language) {
      this.#language = language;
      this.#showScores();
    }
    this.#showLine();
    this.#showSummary();
  }

  /** @param share - How much has arrived, 0 to 1; `null` while that cannot be told. */
  showProgress(share: number | null): void {
    // In tenths: a screen reader would read every change.
    this.#line = share === null ? null : Math.floor(share * 10) / 10;
    this.#showLine();
  }

  /** `nothing` hides the line. */
  showStatus(status: Status): void {
    this.#line = status;
    this.#showLine();
  }

  /**
   * Shows answers, and has the best one read out: one line, not the whole list.
   *
   * @param still - Whether they are about a picture that stands still. Of a video only what lasts is read.
   */
  showResults(classifications: readonly Classification[], still: boolean): void {
    this.#answers = classifications;
    const scores: HTMLElement[] = [];
    this.#results.replaceChildren(
      ...classifications.map(({ label, score }) => {
        const item = make('li', 'result');
        const bar = make('span', 'bar');
        bar.ariaHidden = 'true';
        bar.style.setProperty('--score', String(Math.min(1, Math.max(0, score))));
        const number = make('span', 'score');
        scores.push(number);
        item.append(bar, make('span', 'label', label), number);
        return item;
      }),
    );
    this.#scores = scores;
    this.#showScores();
    this.#showSummary();
    this.#readOut(still);
  }

  #readOut(still: boolean): void {
    const [best] = this.#answers;
    const text = this.#summary.textContent || (best?.label ?? '');
    if (still) {
      clearTimeout(this.#waiting.timer);
      this.#waiting = { text: '' };
      // Said again for another picture, which an equal text would not be.
      this.#announcer.textContent = '';
      this.#announcer.textContent = text;
      this.#said = text;
      return;
    }
    if (text === this.#waiting.text) return;
    clearTimeout(this.#waiting.timer);
    const timer = setTimeout(() => {
      if (text === this.#said) return;
      this.#announcer.textContent = text;
      this.#said = text;
    }, readOutAfter);
    this.#waiting = { text, timer };
  }

  #showScores(): void {
    for (const [at, element] of this.#scores.entries()) {
      element.textContent = percent(this.#answers[at]?.score ?? 0, this.#language);
    }
  }

  #showSummary(): void {
    const group = agreedGroup(this.#answers);
    const label = this.#answers[0]?.label ?? '';
    const text =
      group === undefined
        ? ''
        : this.#texts.unsure.replaceAll(/\{(group|label)\}/g, (_all, name) =>
            name === 'group' ? group : label,
          );
    if (this.#summary.textContent !== text) this.#summary.textContent = text;
  }

  #speakControls(): void {
    const texts = this.#texts;
    this.#choose.textContent = texts.choosePicture;
    this.#file.ariaLabel = texts.choosePicture;
    this.#hint.textContent = texts.dropHint;
    this.#camera.textContent = this.#isFilming ? texts.stopCamera : texts.startCamera;
    this.#image.alt = texts.pictureName;
    this.#video.ariaLabel = texts.cameraName;
  }

  #showLine(): void {
    const text = this.#textOf(this.#line);
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #textOf(line: Status | number | null): string {
    if (line === null) return this.#texts.loading;
    if (line === 'nothing') return '';
    if (typeof line === 'string') return this.#texts[line];
    return this.#texts.loadingProgress.replaceAll('{percent}', percent(line, this.#language));
  }
}

function make(tag: string, part: string, text = ''): HTMLElement {
  const element = document.createElement(tag);
  element.setAttribute('part', part);
  element.textContent = text;
  return element;
}
