/** How good a taught model is: in one sentence, as a table, and by its mistakes. */
import type { Example, TaughtModel } from 'tabserve/learn';
import { byId, element } from '../dom.js';
import { count, percent } from '../format.js';
import { t } from '../language.js';

/** Mistakes that are shown; the surest come first. */
const mostMistakes = 12;

/** @param urlOf - An address of the picture; empty where it has none. */
export function showReport(model: TaughtModel | null, urlOf: (example: Example) => string): void {
  byId('teach-report', HTMLElement).hidden = model === null;
  if (!model) return;
  const { evaluation } = model;
  const summary = byId('teach-accuracy', HTMLElement);
  const table = byId('teach-confusion', HTMLTableElement);
  const mistakes = byId('teach-mistakes', HTMLUListElement);
  if (!evaluation) {
    summary.textContent = `${t('There are too few pictures to say how good it is.')} ${model.notes.join(' ')}`;
    table.replaceChildren();
    mistakes.replaceChildren();
    return;
  }
  const { value, low, high } = evaluation.accuracy;
  summary.textContent = t(
    '{1} right on pictures that it had not seen ({2} of {3}; with so few, anything from {4} to {5} is possible).',
    percent(value),
    evaluation.correct,
    evaluation.examples,
    percent(low),
    percent(high),
  );
  showConfusion(table, evaluation.confusion, evaluation.classes);
  const shown = evaluation.mistakes.slice(0, mostMistakes);
  byId('teach-mistakes-title', HTMLElement).textContent =
    shown.length === 0
      ? t('No mistakes')
      : t(
          'Taken for something else: {1}',
          count(evaluation.mistakes.length, 'picture', 'pictures'),
        );
  mistakes.replaceChildren(
    ...shown.map(({ example, label, takenFor, score }) => {
      const image = element('img', { class: 'mistake-picture' });
      image.src = urlOf(example);
      image.alt = '';
      return element(
        'li',
        {},
        image,
        element('span', { text: t('{1}, taken for {2} ({3})', label, takenFor, percent(score)) }),
      );
    }),
  );
}

function showConfusion(
  table: HTMLTableElement,
  confusion: readonly (readonly number[])[],
  classes: readonly { label: string; recall: number }[],
): void {
  const heading = (text: string, scope: 'col' | 'row') => {
    const cell = element('th', { text });
    cell.scope = scope;
    return cell;
  };
  const head = element(
    'tr',
    {},
    element('td'),
    ...classes.map(({ label }) => heading(label, 'col')),
    heading('found', 'col'),
  );
  const rows = confusion.map((row, at) =>
    element(
      'tr',
      {},
      heading(classes[at]?.label ?? '', 'row'),
      ...row.map((number, column) =>
        element('td', { class: column === at ? 'confusion-right' : '', text: String(number) }),
      ),
      element('td', { text: percent(classes[at]?.recall ?? 0) }),
    ),
  );
  table.replaceChildren(
    element('caption', { text: t('What each class (rows) was taken for (columns)') }),
    element('thead', {}, head),
    element('tbody', {}, ...rows),
  );
}
