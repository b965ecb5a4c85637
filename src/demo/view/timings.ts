/** Where a request's time went: one bar to scale, and the numbers. */
import type { RequestReport, StageTimings } from 'tabserve';
import { byId, element } from '../dom.js';
import { milliseconds } from '../format.js';
import { t } from '../language.js';
import type { State } from '../state.js';

type Part = Exclude<keyof StageTimings, 'total'> | 'handover';

const parts: readonly (readonly [Part, string, string])[] = [
  ['capture', t('Capture'), t('On the page: taking the picture from its source')],
  ['queue', t('Queue'), t('In the worker: waiting for its turn')],
  ['decode', t('Decode'), t('In the worker: bytes to pixels')],
  ['preprocess', t('Preprocess'), t('In the worker: pixels to tensor')],
  ['inference', t('Inference'), t('In the worker: tensor to logits')],
  ['postprocess', t('Postprocess'), t('In the worker: logits to sorted answers')],
  ['handover', t('Hand-over'), t('Between page and worker: what the stages leave of the total')],
];

/** Shows the timings of the newest request of the classifier in use. */
export function showTimings(state: State): void {
  const bar = byId('timing-bar', HTMLElement);
  const list = byId('timing-list', HTMLElement);
  const segments = new Map<Part, HTMLElement>();
  const numbers = new Map<Part | 'total', HTMLElement>();

  for (const [part, title, explained] of parts) {
    const segment = element('span', { class: 'timing-part' });
    segment.dataset.part = part;
    segments.set(part, segment);
    const swatch = element('span', { class: 'swatch' });
    swatch.dataset.part = part;
    swatch.setAttribute('aria-hidden', 'true');
    const term = element('dt', {}, swatch, document.createTextNode(title));
    term.title = explained;
    const value = element('dd', { text: '—' });
    numbers.set(part, value);
    list.append(element('div', {}, term, value));
  }
  const total = element('dd', { text: '—' });
  numbers.set('total', total);
  const row = element('div', { class: 'timing-total' }, element('dt', { text: t('Total') }), total);
  list.append(row);
  bar.append(...segments.values());

  let listening: AbortController | null = null;
  state.classifier.subscribe((classifier) => {
    listening?.abort();
    listening = new AbortController();
    classifier?.addEventListener(
      'request',
      (event) => update((event as CustomEvent<RequestReport>).detail.timings),
      { signal: listening.signal },
    );
  });

  function update(timings: StageTimings): void {
    const { total: whole, ...stages } = timings;
    const spent = Object.values(stages).reduce((sum, stage) => sum + stage, 0);
    const shares = { ...stages, handover: Math.max(0, whole - spent) };
    for (const [part] of parts) {
      segments.get(part)?.style.setProperty('--share', String(shares[part]));
      setText(numbers.get(part), milliseconds(shares[part]));
    }
    setText(numbers.get('total'), milliseconds(whole));
  }
}

function setText(target: HTMLElement | undefined, text: string): void {
  if (target) target.textContent = text;
}
