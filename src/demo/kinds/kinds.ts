/** What the page can be asked: one panel a kind of model, of which one is open. */
import { byId } from '../dom.js';
import type { Incoming } from '../sources/files.js';

export type KindName = 'name' | 'teach' | 'objects' | 'compare' | 'text' | 'sound' | 'drift';

const names: readonly KindName[] = [
  'name',
  'teach',
  'objects',
  'compare',
  'text',
  'sound',
  'drift',
];

/** A panel. */
export interface Kind {
  /** It is open now, for the first time or again. */
  open(): void;
  /** It is left: what listens or loads ends. */
  close(): void;
  /** Something was dropped, pasted or chosen. */
  take(incoming: Incoming): void;
}

/** Opens panels, by the ARIA pattern of tabs. */
export class Kinds {
  readonly #kinds: Readonly<Record<KindName, Kind>>;
  #current: KindName = 'name';

  constructor(kinds: Readonly<Record<KindName, Kind>>) {
    this.#kinds = kinds;
    for (const [place, name] of names.entries()) {
      const tab = byId(`kind-${name}`, HTMLButtonElement);
      tab.addEventListener('click', () => this.select(name));
      tab.addEventListener('keydown', ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: names.length - 1 }[key];
        const target = step === undefined ? undefined : names[(place + step) % names.length];
        if (!target) return;
        this.select(target);
        byId(`kind-${target}`, HTMLButtonElement).focus();
      });
    }
  }

  get current(): Kind {
    return this.#kinds[this.#current];
  }

  select(name: KindName): void {
    if (name === this.#current) return;
    this.current.close();
    this.#current = name;
    for (const each of names) {
      const tab = byId(`kind-${each}`, HTMLButtonElement);
      tab.setAttribute('aria-selected', String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      byId(`kind-panel-${each}`, HTMLElement).hidden = each !== name;
    }
    this.current.open();
  }
}
