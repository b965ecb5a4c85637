/** What `<tabserve-classifier>` shows: a state in words, and a list of answers. Text only, no HTML. */
import type { Classification } from '../api/types.js';
import { type ClassifierTexts, textsOf } from './texts.js';

const styles = `
:host { display: block; font: inherit; color: inherit; }
:host([hidden]) { display: none; }
[part~="status"]:empty, [part~="results"]:empty { display: none; }
[part~="results"] { list-style: none; margin: 0; padding: 0; display: grid; gap: var(--tabserve-gap, .25em); }
[part~="result"] { position: relative; display: flex; justify-content: space-between; gap: 1em; padding: .15em .4em; isolation: isolate; }
[part~="bar"] { position: absolute; z-index: -1; inset: 0 auto 0 0; width: calc(var(--score) * 100%); border-radius: var(--tabserve-bar-radius, .2em); background: var(--tabserve-bar-color, color-mix(in srgb, currentColor 15%, transparent)); }
[part~="score"] { font-variant-numeric: tabular-nums; }
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
export type Status = Exclude<keyof ClassifierTexts, 'loading' | 'loadingProgress'> | 'nothing';

/** The shadow tree of one element. */
export class ClassifierView {
  readonly #status = make('div', 'status');
  readonly #results = make('ol', 'results');
  #texts = textsOf('en');
  #language = '';
  /** A status, or how much of a load is done. */
  #line: Status | number | null = 'nothing';
  #scores: readonly (readonly [HTMLElement, number])[] = [];

  constructor(root: ShadowRoot) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
    }
    root.adoptedStyleSheets = [sheet];
    this.#status.setAttribute('role', 'status');
    root.append(document.createElement('slot'), this.#status, this.#results);
  }

  /** Takes other texts, and says again in them what it said last. */
  speak(texts: ClassifierTexts, language: string): void {
    this.#texts = texts;
    if (language !== this.#language) {
      this.#language = language;
      this.#showScores();
    }
    this.#showLine();
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

  /** @param live - Whether a screen reader should read the answers when they change. */
  showResults(classifications: readonly Classification[], live: boolean): void {
    this.#results.setAttribute('aria-live', live ? 'polite' : 'off');
    const scores: [HTMLElement, number][] = [];
    this.#results.replaceChildren(
      ...classifications.map(({ label, score }) => {
        const item = make('li', 'result');
        const bar = make('span', 'bar');
        bar.ariaHidden = 'true';
        bar.style.setProperty('--score', String(Math.min(1, Math.max(0, score))));
        const number = make('span', 'score');
        scores.push([number, score]);
        item.append(bar, make('span', 'label', label), number);
        return item;
      }),
    );
    this.#scores = scores;
    this.#showScores();
  }

  #showScores(): void {
    for (const [element, score] of this.#scores) {
      element.textContent = percent(score, this.#language);
    }
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
