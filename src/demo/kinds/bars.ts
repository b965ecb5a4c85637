/** Answers as bars. */
import { element } from '../dom.js';
import { percent } from '../format.js';

/** Fills a list with labels and scores from 0 to 1. */
export function showBars(
  list: HTMLElement,
  answers: readonly { label: string; score: number; title?: string }[],
): void {
  list.replaceChildren(
    ...answers.map(({ label, score, title = label }) => {
      const name = element('span', { class: 'score-label', text: label });
      name.title = title;
      const bar = element('span', { class: 'score-bar' });
      bar.setAttribute('aria-hidden', 'true');
      const item = element(
        'li',
        {},
        name,
        element('span', { class: 'score-value', text: percent(score) }),
        bar,
      );
      item.style.setProperty('--score', String(Math.min(1, Math.max(0, score))));
      return item;
    }),
  );
}
