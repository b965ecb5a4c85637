/** The answer: five bars, and in words how much they are worth. */
import { agreedGroup } from '../../base/unsure.js';
import { byId, element } from '../dom.js';
import { count, percent } from '../format.js';
import { t } from '../language.js';
import type { Answer, State } from '../state.js';
import { announce } from './announce.js';

const rows = 5;
/** Below this the best answer is more likely wrong than right, by the model's own account. */
const sureFrom = 0.5;
const verySureFrom = 0.8;

/** Where labels have room for their short form only. */
const narrow = matchMedia('(max-width: 30rem)');

interface Row {
  item: HTMLLIElement;
  label: HTMLElement;
  score: HTMLElement;
}

/** Shows answers as they come. The rows stand from the start, so that nothing moves. */
export function showResults(state: State, openLibrary: () => void): void {
  const list = byId('scores', HTMLOListElement);
  const made = Array.from({ length: rows }, createRow);
  list.append(...made.map((row) => row.item));

  const verdict = byId('verdict', HTMLElement);
  const best = byId('verdict-best', HTMLElement);
  const bestScore = byId('verdict-score', HTMLElement);
  const text = byId('verdict-text', HTMLElement);

  const more = byId('verdict-more', HTMLButtonElement);
  more.addEventListener('click', openLibrary);

  state.answer.subscribe((answer) => {
    const scores = answer.kind === 'scores' ? answer.scores : [];
    // While the next answer is on its way the last one stays, dimmed: blinking tires.
    if (answer.kind === 'waiting') {
      list.toggleAttribute('data-stale', true);
      verdict.toggleAttribute('data-stale', true);
      if (verdict.dataset.verdict === 'none') text.textContent = t('Working on it…');
      return;
    }
    list.removeAttribute('data-stale');
    verdict.removeAttribute('data-stale');
    for (const [place, row] of made.entries()) {
      const found = scores[place];
      row.item.toggleAttribute('data-empty', !found);
      row.label.textContent = (narrow.matches && found?.short) || (found?.label ?? '—');
      row.label.title = found?.label ?? '';
      row.score.textContent = found ? percent(found.score) : '';
      row.item.style.setProperty('--score', String(found?.score ?? 0));
    }
    const judged = judge(answer, state.classifier.current?.info.model.labels.length ?? 0);
    verdict.dataset.verdict = judged.verdict;
    const group = agreedGroup(scores);
    const name = scores[0]?.label;
    best.textContent = name
      ? group
        ? t('{1}, perhaps {2}', group, name)
        : name
      : answer.kind === 'failed'
        ? t('No answer')
        : '—';
    best.title = scores[0]?.label ?? '';
    bestScore.textContent = scores[0] ? percent(scores[0].score) : '';
    text.textContent = judged.text;
    // Who draws a digit is helped by no model of photographs.
    more.hidden =
      judged.verdict !== 'unsure' || answer.kind !== 'scores' || answer.picture.origin === 'pad';
    if (answer.kind === 'scores') announce(spoken(answer.scores, judged.verdict));
  });
}

interface Judged {
  verdict: 'none' | 'sure' | 'likely' | 'unsure' | 'failed';
  text: string;
}

function judge(answer: Answer, labels: number): Judged {
  if (answer.kind === 'failed') {
    return {
      verdict: 'failed',
      text: t('The message says why. The next picture works as before.'),
    };
  }
  const best = answer.kind === 'scores' ? answer.scores[0] : undefined;
  if (!best) return { verdict: 'none', text: t('The five best answers appear here.') };
  const score = percent(best.score);
  const group = answer.kind === 'scores' ? agreedGroup(answer.scores) : undefined;
  if (group !== undefined) {
    return {
      verdict: 'unsure',
      text: t('Not sure: the answers agree on “{1}” only, and the best one has {2}.', group, score),
    };
  }
  if (best.score >= verySureFrom) {
    return { verdict: 'sure', text: t('Sure: the model puts {1} on this one.', score) };
  }
  if (best.score >= sureFrom) {
    return { verdict: 'likely', text: t('Likely, but the other answers are worth a look.') };
  }
  return {
    verdict: 'unsure',
    text: t(
      'Not sure: the best guess has only {1}. This may be none of the {2} that this model knows.',
      score,
      count(labels, 'thing', 'things'),
    ),
  };
}

function spoken(scores: readonly { label: string; score: number }[], verdict: string): string {
  const [best, next] = scores;
  if (!best) return t('No answer.');
  const said = next
    ? t(
        '{1}, {2}, then {3}, {4}.',
        best.label,
        percent(best.score),
        next.label,
        percent(next.score),
      )
    : t('{1}, {2}.', best.label, percent(best.score));
  return verdict === 'unsure' ? t('Not sure. {1}', said) : said;
}

function createRow(): Row {
  const label = element('span', { class: 'score-label', text: '—' });
  const score = element('span', { class: 'score-value' });
  const bar = element('span', { class: 'score-bar' });
  bar.setAttribute('aria-hidden', 'true');
  const item = element('li', {}, label, score, bar);
  item.toggleAttribute('data-empty', true);
  return { item, label, score };
}
