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

/** Makes a panel, with the code for it, which comes when it is first opened. */
export type MakeKind = () => Promise<Kind>;

/** Opens panels, by the ARIA pattern of tabs. */
export class Kinds {
  readonly #make: Readonly<Record<KindName, MakeKind>>;
  readonly #failed: (error: unknown) => void;
  readonly #made = new Map<KindName, Promise<Kind>>();
  #current: Kind;
  #name: KindName = 'name';
  /** What was asked for last, while its code comes. */
  #wanted: KindName = 'name';

  /**
   * @param first - The panel that is open.
   * @param failed - Is told why a panel could not be opened.
   */
  constructor(
    first: Kind,
    others: Readonly<Record<Exclude<KindName, 'name'>, MakeKind>>,
    failed: (error: unknown) => void,
  ) {
    this.#current = first;
    this.#make = { name: async () => first, ...others };
    this.#failed = failed;
    for (const [place, name] of names.entries()) {
      const tab = byId(`kind-${name}`, HTMLButtonElement);
      tab.addEventListener('click', () => void this.select(name));
      tab.addEventListener('keydown', ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: names.length - 1 }[key];
        const target = step === undefined ? undefined : names[(place + step) % names.length];
        if (!target) return;
        void this.select(target);
        byId(`kind-${target}`, HTMLButtonElement).focus();
      });
    }
  }

  get current(): Kind {
    return this.#current;
  }

  /** Opens a panel once its code is there; until then the former stays open. */
  async select(name: KindName): Promise<void> {
    this.#wanted = name;
    const making = this.#made.get(name) ?? this.#make[name]();
    this.#made.set(name, making);
    try {
      this.#open(name, await making);
    } catch (error) {
      this.#made.delete(name);
      if (this.#wanted === name) this.#failed(error);
    }
  }

  #open(name: KindName, kind: Kind): void {
    if (name === this.#name || name !== this.#wanted) return;
    this.#current.close();
    this.#name = name;
    this.#current = kind;
    for (const each of names) {
      const tab = byId(`kind-${each}`, HTMLButtonElement);
      tab.setAttribute('aria-selected', String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      byId(`kind-panel-${each}`, HTMLElement).hidden = each !== name;
    }
    kind.open();
  }
}
