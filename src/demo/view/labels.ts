/** What the model knows: its labels, with a filter. */
import { byId, element } from '../dom.js';
import { count } from '../format.js';
import { t } from '../language.js';
import type { State } from '../state.js';

/** A list of twenty thousand helps nobody, and costs the page its fluency. */
const shownAtMost = 400;

export function showLabels(state: State): void {
  const details = byId('labels', HTMLDetailsElement);
  const summary = byId('labels-summary', HTMLElement);
  const filter = byId('labels-filter', HTMLInputElement);
  const counter = byId('labels-count', HTMLElement);
  const list = byId('labels-list', HTMLElement);
  let labels: readonly string[] = [];
  // It scrolls, and so the keyboard must get into it.
  list.tabIndex = 0;

  state.classifier.subscribe((classifier) => {
    labels = classifier?.info.model.labels ?? [];
    summary.textContent = labels.length
      ? t('What this model knows: {1}', count(labels.length, 'thing', 'things'))
      : t('What this model knows');
    filter.value = '';
    if (details.open) fill();
    else list.replaceChildren();
  });
  details.addEventListener('toggle', () => {
    if (details.open) fill();
  });
  filter.addEventListener('input', fill);

  function fill(): void {
    const wanted = filter.value.trim().toLowerCase();
    const found = labels.filter((label) => label.toLowerCase().includes(wanted));
    const shown = found.slice(0, shownAtMost);
    list.replaceChildren(...shown.map((label) => element('li', { text: label })));
    counter.textContent = countText(found.length, shown.length, wanted !== '');
  }
}

function countText(found: number, shown: number, filtered: boolean): string {
  if (found === 0) return t('None like that.');
  const all = count(found, 'label', 'labels');
  if (found > shown) return t('{1}, the first {2} shown', all, shown);
  return filtered ? all : '';
}
