/** What `<tabserve-classifier>` shows: a state in words, and a list of answers. Text only, no HTML. */
import type { Classification } from '../api/types.js';

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

/** Made on first use: to load a locale takes milliseconds. */
let percentFormat: Intl.NumberFormat | undefined;

function percent(share: number): string {
  percentFormat ??= new Intl.NumberFormat(undefined, {
    style: 'percent',
    maximumFractionDigits: 1,
  });
  return percentFormat.format(share);
}

/** The shadow tree of one element. */
export class ClassifierView {
  readonly #status = make('div', 'status');
  readonly #results = make('ol', 'results');

  constructor(root: ShadowRoot) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
    }
    root.adoptedStyleSheets = [sheet];
    this.#status.setAttribute('role', 'status');
    root.append(document.createElement('slot'), this.#status, this.#results);
  }

  /** @param share - How much has arrived, 0 to 1; `null` while that cannot be told. */
  showProgress(share: number | null): void {
    // In tenths: a screen reader would read every change.
    this.showStatus(
      share === null
        ? 'Loading the model'
        : `Loading the model: ${percent(Math.floor(share * 10) / 10)}`,
    );
  }

  /** An empty text hides the line. */
  showStatus(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  /** @param live - Whether a screen reader should read the answers when they change. */
  showResults(classifications: readonly Classification[], live: boolean): void {
    this.#results.setAttribute('aria-live', live ? 'polite' : 'off');
    this.#results.replaceChildren(
      ...classifications.map(({ label, score }) => {
        const item = make('li', 'result');
        const bar = make('span', 'bar');
        bar.ariaHidden = 'true';
        bar.style.setProperty('--score', String(Math.min(1, Math.max(0, score))));
        item.append(bar, make('span', 'label', label), make('span', 'score', percent(score)));
        return item;
      }),
    );
  }
}

function make(tag: string, part: string, text = ''): HTMLElement {
  const element = document.createElement(tag);
  element.setAttribute('part', part);
  element.textContent = text;
  return element;
}
