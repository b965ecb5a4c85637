/** The promise that no picture leaves the page, with the browser as its witness. */
import { byId } from '../dom.js';
import type { State, Stock } from '../state.js';

const onlineTexts: Readonly<Record<Stock, string>> = {
  loading: 'Online, and still loading.',
  complete: 'Online, and done with it. Go on, pull the plug.',
  partial: 'Online.',
};

const asked = new Set<string>();

/** Excepts an address that the user typed: fetching it was their wish. */
export function exceptFromCount(url: string): void {
  if (URL.canParse(url, document.baseURI)) asked.add(new URL(url, document.baseURI).href);
}

/** Counts the page's network requests since the model was loaded. */
export function showPrivacy(state: State): void {
  const number = byId('request-count', HTMLElement);
  const text = byId('request-text', HTMLElement);
  let since: number | null = null;
  let requests = 0;
  let typed = 0;

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (since === null || entry.startTime < since || !/^https?:/.test(entry.name)) continue;
      if (asked.has(entry.name)) typed++;
      else requests++;
    }
    show();
  }).observe({ type: 'resource' });

  state.stock.subscribe((stock) => {
    since = stock === 'loading' ? null : performance.now();
    requests = 0;
    typed = 0;
    show();
  });

  function show(): void {
    number.textContent = String(requests);
    const noun = requests === 1 ? 'network request' : 'network requests';
    const own = typed === 0 ? '' : `, and ${typed} for the address that you typed`;
    text.textContent = `${noun} since the model was loaded${own}`;
  }

  const net = byId('network-state', HTMLElement);
  const update = (): void => {
    net.textContent = navigator.onLine
      ? onlineTexts[state.stock.current]
      : 'Offline, and it still works.';
    net.toggleAttribute('data-offline', !navigator.onLine);
  };
  addEventListener('online', update);
  addEventListener('offline', update);
  state.stock.subscribe(update);
}
