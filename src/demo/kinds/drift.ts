/** Whether what a model is asked is still what it was: a model server in this tab, watched. */
import { ImageClassifier } from 'tabserve';
import type { DriftFinding, DriftMonitor, ModelServer } from 'tabserve/server';
import { element } from '../dom.js';
import { percent } from '../format.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import type { DriftChart } from './drift-chart.js';
import { DriftPictures, type Weather, weathers } from './drift-pictures.js';
import { texts } from './drift-texts.js';
import type { Kind } from './kinds.js';

/** Pictures: fewer than a server would take, so that nobody waits long. */
const options = { reference: 100, window: 50, every: 5, brightness: true };

/** Milliseconds between pictures, which are to be seen. */
const pause = 40;

export class Drift implements Kind {
  readonly #alerts: Alerts;
  readonly #panel = document.getElementById('kind-panel-drift') as HTMLElement;
  readonly #canvas = element('canvas');
  readonly #answer = element('p', { class: 'caption' });
  readonly #status = element('p', { class: 'kind-summary', text: texts.idle });
  readonly #chartBox = element('div', { class: 'drift-chart' });
  readonly #rows = element('tbody');
  readonly #start = element('button', { class: 'button primary', text: texts.start });
  readonly #pictures: DriftPictures;
  #chart: DriftChart | undefined;
  #server: ModelServer | undefined;
  #monitor: DriftMonitor | undefined;
  #weather: Weather = 'usual';
  #seen = 0;
  #since = 0;
  /** The run under way. */
  #run: AbortController | undefined;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    this.#panel.append(this.#stream(), this.#result());
    this.#pictures = new DriftPictures(this.#canvas);
  }

  open(): void {
    this.#load().catch((error: unknown) => this.#alerts.show(error, { title: texts.failed }));
  }

  close(): void {
    this.#pause();
  }

  take(incoming: Incoming): void {
    if (incoming.kind !== 'pictures') this.#alerts.tell(texts.nothing, texts.dropPictures);
    else void this.#use(incoming.files);
  }

  #stream(): HTMLElement {
    const file = element('input');
    Object.assign(file, { type: 'file', accept: 'image/*', multiple: true, hidden: true });
    file.addEventListener('change', () => {
      void this.#use([...(file.files ?? [])]);
      file.value = '';
    });
    const choose = element('button', { class: 'button', text: texts.choose });
    choose.addEventListener('click', () => file.click());
    const again = element('button', { class: 'button', text: texts.again });
    again.addEventListener('click', () => this.#forget());
    this.#start.id = 'drift-start';
    this.#start.addEventListener('click', () => {
      if (this.#run) this.#pause();
      else void this.#go();
    });
    for (const button of [choose, again, this.#start]) button.type = 'button';
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('aria-label', texts.stream);
    return element(
      'section',
      { class: 'card stage drift-stream' },
      element('h2', { text: texts.streamTitle }),
      element('p', { class: 'hint', text: texts.streamHint }),
      element('div', { class: 'mat' }, this.#canvas),
      this.#answer,
      this.#weatherChoice(),
      element('div', { class: 'controls' }, this.#start, again, choose, file),
    );
  }

  #weatherChoice(): HTMLElement {
    const choices = weathers.map((weather) => {
      const radio = element('input');
      Object.assign(radio, { type: 'radio', name: 'drift-weather', value: weather });
      radio.checked = weather === this.#weather;
      radio.addEventListener('change', () => {
        this.#weather = weather;
        this.#chart?.change(this.#seen, texts.weathers[weather]);
      });
      return element('label', {}, radio, element('span', { text: texts.weathers[weather] }));
    });
    const legend = element('legend', { text: texts.weather });
    return element('fieldset', { class: 'drift-weather' }, legend, ...choices);
  }

  #result(): HTMLElement {
    this.#status.id = 'drift-status';
    this.#status.setAttribute('role', 'status');
    this.#chartBox.setAttribute('role', 'img');
    this.#chartBox.setAttribute('aria-label', texts.chart);
    const head = element('tr', {}, ...texts.columns.map((text) => element('th', { text })));
    const table = element('table', {}, element('thead', {}, head), this.#rows);
    table.prepend(element('caption', { text: texts.table }));
    return element(
      'section',
      { class: 'card' },
      element('h2', { text: texts.title }),
      this.#status,
      this.#chartBox,
      element('p', { class: 'hint', text: texts.chartHint }),
      element('div', { class: 'confusion drift-table' }, table),
    );
  }

  /** The server, the model and the chart, which nobody else on this page needs. */
  async #load(): Promise<ModelServer> {
    if (!this.#chart) {
      const { DriftChart } = await import('./drift-chart.js');
      this.#chart ??= new DriftChart(this.#chartBox);
      await this.#pictures.use();
    }
    if (!this.#server) {
      const { ModelServer } = await import('tabserve/server');
      const server = new ModelServer();
      await server.register('pictures', (context) => ImageClassifier.create(context), {
        load: 'on-demand',
      });
      this.#server ??= server;
    }
    this.#monitor ??= this.#watch(this.#server);
    return this.#server;
  }

  #watch(server: ModelServer): DriftMonitor {
    const monitor = server.watchDrift('pictures', options);
    monitor.addEventListener('alert', () => {
      this.#since = this.#seen;
    });
    return monitor;
  }

  async #go(): Promise<void> {
    const run = new AbortController();
    this.#run = run;
    this.#start.textContent = texts.pause;
    if (this.#seen === 0) this.#status.textContent = texts.loading;
    try {
      const server = await this.#load();
      while (!run.signal.aborted) {
        await this.#ask(server, await this.#pictures.next(this.#weather), run.signal);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } catch (error) {
      if (run.signal.aborted) return;
      this.#alerts.show(error, { title: texts.failed });
      this.#pause();
    }
  }

  async #ask(server: ModelServer, picture: Blob, signal: AbortSignal): Promise<void> {
    // Nothing goes there: the server answers by the path.
    const url = 'https://tab.invalid/v2/models/pictures/infer?top_k=2';
    const response = await server.handle(
      new Request(url, { method: 'POST', body: picture, signal }),
    );
    const { result, error } = await response.json();
    signal.throwIfAborted();
    if (!response.ok) throw new Error(error);
    const [best] = result;
    this.#answer.textContent = `${best.label} ${percent(best.score)}`;
    this.#seen += 1;
    this.#show();
  }

  #show(): void {
    const { reference, window, every } = options;
    const later = this.#seen - reference;
    if (later <= 0) {
      this.#status.textContent = texts.learning(this.#seen, reference);
      return;
    }
    const report = this.#monitor?.report;
    if (!report) {
      this.#status.textContent = texts.waiting(later, window);
      return;
    }
    const { isDrift, findings } = report;
    const signals = new Set(findings.filter((each) => each.isDrift).map(({ signal }) => signal));
    this.#status.textContent = isDrift
      ? texts.drift(
          [...signals].map((signal) => texts.signals[signal] ?? signal),
          this.#since,
        )
      : texts.usual(later);
    this.#status.classList.toggle('drift-found', isDrift);
    if (later % every !== 0) return;
    const ratios: Record<string, number> = {};
    for (const { signal, ratio } of findings) ratios[signal] = Math.max(ratio, ratios[signal] ?? 0);
    this.#chart?.add(this.#seen, ratios);
    this.#rows.replaceChildren(...findings.map(row));
  }

  async #use(files: readonly File[]): Promise<void> {
    await this.#pictures.use(files);
    this.#forget();
  }

  #pause(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#start.textContent = texts.start;
  }

  #forget(): void {
    this.#pause();
    this.#seen = 0;
    // A request that is under way is not to count.
    this.#monitor = this.#server && this.#watch(this.#server);
    this.#chart?.clear();
    this.#rows.replaceChildren();
    this.#status.classList.remove('drift-found');
    this.#status.textContent = texts.idle;
  }
}

function row({ signal, measure, value, threshold, isDrift }: DriftFinding): HTMLElement {
  const name = element('th', { text: texts.signals[signal] ?? signal });
  name.scope = 'row';
  const state = isDrift ? texts.isDrift : texts.isUsual;
  const cells = [texts.measures[measure], shown(value), shown(threshold), state];
  const made = element('tr', {}, name, ...cells.map((text) => element('td', { text })));
  if (isDrift) made.className = 'drift-found';
  return made;
}

/** Three digits, however small it is. */
function shown(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toPrecision(3);
}
