/** The catalogue of models: what each is, whether it is stored, and buttons to fetch or remove it. */
import { type CatalogModel, models } from 'tabserve';
import { byId, element } from '../dom.js';
import { bytes, percent } from '../format.js';
import { t } from '../language.js';
import type { Load, ModelChoice, State } from '../state.js';
import type { Alerts } from './alerts.js';
import { announce } from './announce.js';
import { exceptWhile } from './privacy.js';

export interface LibraryActions {
  /** Loads a model, downloading what is missing, and makes it the one in use. */
  use(model: ModelChoice): void;
  /** Gives up the load under way. What has come stays in the store. */
  cancel(): void;
}

/** The panel asks for nothing, not even its own code, before it is opened. */
export class LibraryPanel {
  readonly #state: State;
  readonly #alerts: Alerts;
  readonly #actions: LibraryActions;
  readonly #details = byId('library', HTMLDetailsElement);
  readonly #summary = byId('library-summary', HTMLElement);
  readonly #usage = byId('library-usage', HTMLElement);
  readonly #list = byId('library-list', HTMLElement);
  readonly #rows = new Map<string, Row>();
  /** Surveys of the store, counted: an earlier one must not overwrite a later one. */
  #surveys = 0;

  constructor(state: State, alerts: Alerts, actions: LibraryActions) {
    this.#state = state;
    this.#alerts = alerts;
    this.#actions = actions;
    this.#details.addEventListener('toggle', () => {
      if (this.#details.open) void this.#survey();
    });
    let phase: Load['phase'] = state.load.current.phase;
    state.load.subscribe((load) => {
      const settled = phase === 'loading' && load.phase !== 'loading';
      phase = load.phase;
      this.#showLoad();
      if (settled && this.#details.open) void this.#survey();
    });
  }

  /** Opens the panel and takes the keyboard's focus there. */
  reveal(): void {
    this.#details.open = true;
    this.#summary.focus({ preventScroll: true });
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#details.scrollIntoView({ block: 'start', behavior: still ? 'auto' : 'smooth' });
  }

  async #survey(): Promise<void> {
    const survey = ++this.#surveys;
    try {
      const [found, usage] = await exceptWhile(() => Promise.all([models.list(), models.usage()]));
      if (survey !== this.#surveys) return;
      for (const model of found) this.#row(model).show(model);
      this.#usage.textContent =
        usage.store === 'memory'
          ? t('This browser keeps nothing here beyond this visit.')
          : t('{1} stored in this browser, models and engine together.', bytes(usage.bytes));
      this.#showLoad();
    } catch (error) {
      if (survey !== this.#surveys) return;
      this.#usage.textContent = t('The library could not be read.');
      this.#alerts.show(error, {
        title: t('The library could not be read'),
        retry: () => void this.#survey(),
      });
    }
  }

  #row(model: CatalogModel): Row {
    const known = this.#rows.get(model.name);
    if (known) return known;
    const choice = { key: model.name, title: model.title, source: model.name };
    const row = new Row(model, {
      use: () => this.#actions.use(choice),
      cancel: () => this.#actions.cancel(),
      remove: () => void this.#remove(model),
    });
    this.#rows.set(model.name, row);
    this.#list.append(row.item);
    return row;
  }

  async #remove({ name, title }: CatalogModel): Promise<void> {
    try {
      const freed = await models.evict(name);
      announce(t('“{1}” was removed, {2} freed.', title, bytes(freed)));
    } catch (error) {
      this.#alerts.show(error, { title: t('“{1}” could not be removed', title) });
    }
    await this.#survey();
  }

  #showLoad(): void {
    const load = this.#state.load.current;
    const model = this.#state.settings.current?.model;
    for (const [name, row] of this.#rows) {
      const isMeant = model?.key === name;
      row.showLoad(isMeant ? load : null);
    }
  }
}

interface RowActions {
  use(): void;
  cancel(): void;
  remove(): void;
}

class Row {
  readonly item: HTMLLIElement;
  readonly #stored = element('span', { class: 'library-state' });
  readonly #bar = element('progress');
  readonly #progress = element('p', { class: 'library-progress' });
  readonly #load = element('div', { class: 'library-load' }, this.#bar, this.#progress);
  readonly #use: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly #title: string;
  /** What the button says while the model is not in use. */
  #offer = t('Use');
  /** Whether anything of it is stored. */
  #removable = false;

  constructor(model: CatalogModel, actions: RowActions) {
    this.#title = model.title;
    this.#use = button(t('Use'), model.title, () => {
      if (this.#use.getAttribute('aria-disabled') !== 'true') actions.use();
    });
    this.#cancel = button(t('Cancel'), model.title, actions.cancel);
    this.#remove = button(t('Remove'), model.title, actions.remove);
    this.#bar.max = 1;
    this.#bar.setAttribute('aria-label', t('Download of {1}', model.title));
    const name = element('h3', { text: model.title });
    const facts = [sizes(model), model.license ?? t('licence not stated'), accuracy(model.metrics)];
    this.item = element(
      'li',
      { class: 'library-model' },
      element(
        'div',
        { class: 'library-about' },
        element('div', { class: 'library-name' }, name, this.#stored),
        element('p', { text: model.description }),
        element('p', { class: 'muted', text: facts.filter((fact) => fact !== '').join(' · ') }),
      ),
      element('div', { class: 'library-buttons' }, this.#use, this.#cancel, this.#remove),
      this.#load,
    );
    this.showLoad(null);
  }

  show({ embedded, files }: CatalogModel): void {
    const isWhole = files.some((file) => file.stored > 0 && file.stored >= file.bytes);
    const started = files.find((file) => file.stored > 0);
    this.#offer = !isWhole && started ? t('Resume') : t('Use');
    this.#removable = isWhole || started !== undefined;
    const state = isWhole ? 'stored' : started ? 'begun' : 'absent';
    this.#stored.dataset.state = embedded && !isWhole ? 'embedded' : state;
    const storedText = {
      stored: t('stored'),
      begun: started ? t('{1} of {2} stored', bytes(started.stored), bytes(started.bytes)) : '',
      absent: t('not stored'),
    }[state];
    this.#stored.textContent = embedded ? t('embedded, {1}', storedText) : storedText;
  }

  /** @param load - The load under way or done, when it is this model's. */
  showLoad(load: Load | null): void {
    const focused = document.activeElement;
    const isLoading = load?.phase === 'loading';
    const isUsed = load?.phase === 'ready';
    // Without "disabled", which would throw the focus away.
    this.#use.setAttribute('aria-disabled', String(isUsed));
    name(this.#use, isUsed ? t('In use') : this.#offer, this.#title);
    this.#use.hidden = isLoading;
    this.#cancel.hidden = !isLoading;
    this.#remove.hidden = isLoading || !this.#removable;
    this.#load.hidden = !isLoading;
    if (isLoading) {
      const { loaded, total, cached } = load;
      if (total > 0) this.#bar.value = loaded / total;
      else this.#bar.removeAttribute('value');
      const arrived = t('{1} of {2}', bytes(loaded), bytes(total));
      const whole = cached > 0 ? t('{1}, {2} of it already here', arrived, bytes(cached)) : arrived;
      this.#progress.textContent = total > 0 ? whole : t('Asking for it…');
    }
    if (focused instanceof HTMLElement && this.item.contains(focused) && focused.hidden) {
      (isLoading ? this.#cancel : this.#use).focus();
    }
  }
}

function button(text: string, title: string, clicked: () => void): HTMLButtonElement {
  const made = element('button', { class: 'button' });
  made.type = 'button';
  name(made, text, title);
  made.addEventListener('click', clicked);
  return made;
}

/** Seven buttons called "Use" tell a listener nothing. */
function name(named: HTMLButtonElement, text: string, title: string): void {
  named.textContent = text;
  named.setAttribute('aria-label', `${text}: ${title}`);
}

function sizes({ files }: CatalogModel): string {
  const [only] = files;
  if (files.length === 1 && only) return bytes(only.bytes);
  return files.map((file) => `${file.dtype} ${bytes(file.bytes)}`).join(', ');
}

/** `test` and the publisher's table are the shapes that the catalogue has. */
function accuracy(metrics: CatalogModel['metrics']): string {
  const { test, dataset } = metrics;
  const figures = bestGuesses(isRecord(test) ? test : metrics);
  if (figures.length === 0) return '';
  const right = figures.join(', ');
  return typeof dataset === 'string'
    ? t('{1} right on {2}, as published', right, dataset.split(/[ ,]/)[0] ?? '')
    : t('{1} right', right);
}

/** Every top-1 figure in it; of several precisions, the first. */
function bestGuesses(metrics: Readonly<Record<string, unknown>>, set = ''): string[] {
  const { top1 } = metrics;
  const named = typeof metrics.set === 'string' ? metrics.set.split(' ')[0] : set;
  if (typeof top1 === 'number') {
    // The publisher's tables are in percent.
    const share = top1 > 1 ? top1 / 100 : top1;
    return [named ? t('{1} of {2}', percent(share), named) : percent(share)];
  }
  const dtypes = ['fp32', 'fp16', 'int8'].filter((dtype) => isRecord(metrics[dtype]));
  const keys = dtypes.length > 0 ? dtypes.slice(0, 1) : Object.keys(metrics);
  return keys.flatMap((key) => {
    const inner = metrics[key];
    if (!isRecord(inner)) return [];
    return bestGuesses(inner, dtypes.includes(key) ? set : key.replace(/^cifar/, 'CIFAR-'));
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
