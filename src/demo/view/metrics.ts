/** The classifier's running account. */
import type { ClassifierMetrics, StageTimings } from 'tabserve';
import { byId, element, fillFacts } from '../dom.js';
import { bareMilliseconds } from '../format.js';
import { t } from '../language.js';
import type { State } from '../state.js';

const stages: readonly (readonly [keyof StageTimings, string])[] = [
  ['capture', t('Capture')],
  ['queue', t('Queue')],
  ['decode', t('Decode')],
  ['preprocess', t('Preprocess')],
  ['inference', t('Inference')],
  ['postprocess', t('Postprocess')],
  ['total', t('Total')],
];

const columns = ['p50', 'p95', 'p99', 'max'] as const;

export function showMetrics(state: State): void {
  const counters = byId('counters', HTMLElement);
  const body = byId('latency', HTMLElement);
  const codes = byId('error-codes', HTMLElement);
  const cells = new Map<string, HTMLElement>();
  for (const [stage, title] of stages) {
    const head = element('th', { text: title });
    head.scope = 'row';
    const row = element('tr', {}, head);
    for (const column of columns) {
      const cell = element('td', { text: '—' });
      cells.set(`${stage} ${column}`, cell);
      row.append(cell);
    }
    body.append(row);
  }

  let due = false;
  const update = (): void => {
    // A camera finishes a request with every frame; the screen needs one update.
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      const metrics = state.classifier.current?.metrics();
      if (metrics) show(metrics);
    }, 100);
  };

  let listening: AbortController | null = null;
  state.classifier.subscribe((classifier) => {
    listening?.abort();
    listening = new AbortController();
    const options = { signal: listening.signal };
    classifier?.addEventListener('request', update, options);
    classifier?.addEventListener('statechange', update, options);
    update();
  });
  state.answer.subscribe(update);

  function show(metrics: ClassifierMetrics): void {
    fillFacts(counters, [
      [t('Requests'), String(metrics.requests)],
      [t('Errors'), String(metrics.errors)],
      [t('Aborted'), String(metrics.aborted)],
      [t('Pending'), String(metrics.pending)],
      [t('Workers'), String(metrics.workers)],
      [t('Restarts'), String(metrics.restarts)],
    ]);
    const measured = metrics.requests > metrics.errors;
    for (const [stage] of stages) {
      for (const column of columns) {
        const cell = cells.get(`${stage} ${column}`);
        const value = metrics.latency[stage][column];
        if (cell) cell.textContent = measured ? bareMilliseconds(value) : '—';
      }
    }
    const counted = Object.entries(metrics.errorsByCode).map(
      ([code, times]) => `${code} × ${times}`,
    );
    codes.textContent = counted.length
      ? t('Errors by code: {1}', counted.join(', '))
      : t('No errors.');
  }
}
