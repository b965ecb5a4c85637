/** The three places that a picture can come from, as tabs by the ARIA pattern. */
import { byId } from '../dom.js';

export type TabName = 'picture' | 'camera' | 'pad';

const names: readonly TabName[] = ['picture', 'camera', 'pad'];

export class Tabs {
  readonly #changed: (now: TabName, before: TabName) => void;
  #current: TabName = 'picture';

  constructor(changed: (now: TabName, before: TabName) => void) {
    this.#changed = changed;
    for (const [place, name] of names.entries()) {
      const tab = byId(`tab-${name}`, HTMLButtonElement);
      tab.addEventListener('click', () => this.select(name));
      tab.addEventListener('keydown', (event) => {
        const target = this.#target(event.key, place);
        if (target === undefined) return;
        event.preventDefault();
        this.select(target);
        byId(`tab-${target}`, HTMLButtonElement).focus();
      });
    }
  }

  get current(): TabName {
    return this.#current;
  }

  select(name: TabName): void {
    const before = this.#current;
    if (name === before) return;
    this.#current = name;
    for (const each of names) {
      const tab = byId(`tab-${each}`, HTMLButtonElement);
      tab.setAttribute('aria-selected', String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      byId(`panel-${each}`, HTMLElement).hidden = each !== name;
    }
    this.#changed(name, before);
  }

  #target(key: string, place: number): TabName | undefined {
    switch (key) {
      case 'ArrowRight':
        return names[(place + 1) % names.length];
      case 'ArrowLeft':
        return names[(place + names.length - 1) % names.length];
      case 'Home':
        return names[0];
      case 'End':
        return names.at(-1);
      default:
        return undefined;
    }
  }
}
