/** The promise that no picture leaves the page, with the browser as its witness. */
import { byId } from '../dom.js';
import { t } from '../language.js';
import type { State, Stock } from '../state.js';

const onlineTexts: Readonly<Record<Stock, string>> = {
  loading: t('Online, and still loading.'),
  complete: t('Everything is here: pull the plug.'),
  partial: 'Online.',
};

const asked = new Set<string>();

/** Excepts an address that the user typed: fetching it was their wish. */
export function exceptFromCount(url: string): void {
  if (URL.canParse(url, document.baseURI)) asked.add(new URL(url, document.baseURI).href);
}

/** When the page worked at something that its user asked for, in milliseconds of its clock. */
const askedTimes: { from: number; to: number }[] = [];

/** Names the requests apart that are made meanwhile: the user's wish was their cause. */
export async function exceptWhile<T>(work: () => Promise<T>): Promise<T> {
  const time = { from: performance.now(), to: Number.POSITIVE_INFINITY };
  askedTimes.push(time);
  try {
    return await work();
  } finally {
    time.to = performance.now();
  }
}

/** Whether a cache has answered, the service worker's or the browser's. Of other origins the browser does not tell. */
function isFromStock({ decodedBodySize, transferSize }: PerformanceResourceTiming): boolean {
  return decodedBodySize > 0 && transferSize === 0;
}

/** Counts the page's network requests since the model was loaded. */
export function showPrivacy(state: State): void {
  const number = byId('request-count', HTMLElement);
  const text = byId('request-text', HTMLElement);
  let since: number | null = null;
  let requests = 0;
  let typed = 0;
  let library = 0;

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (since === null || entry.startTime < since || !/^https?:/.test(entry.name)) continue;
      if (asked.has(entry.name)) typed++;
      else if (
        askedTimes.some(({ from, to }) => entry.startTime >= from && entry.startTime <= to)
      ) {
        library++;
      } else if (!isFromStock(entry as PerformanceResourceTiming)) requests++;
    }
    show();
  }).observe({ type: 'resource' });

  state.stock.subscribe((stock) => {
    since = stock === 'loading' ? null : performance.now();
    requests = 0;
    typed = 0;
    library = 0;
    show();
  });

  function show(): void {
    number.textContent = since === null ? '' : String(requests);
    if (since === null) {
      text.textContent = t('Requests are counted once all is loaded.');
      return;
    }
    text.textContent = [
      requests === 1
        ? t('network request since it was loaded')
        : t('network requests since it was loaded'),
      ...(typed === 0 ? [] : [t('{1} for your address', typed)]),
      ...(library === 0 ? [] : [t('{1} for the library you opened', library)]),
    ].join(t(', and '));
  }

  const net = byId('network-state', HTMLElement);
  const update = (): void => {
    net.textContent = navigator.onLine
      ? onlineTexts[state.stock.current]
      : t('Offline, and it still works.');
    net.toggleAttribute('data-offline', !navigator.onLine);
  };
  addEventListener('online', update);
  addEventListener('offline', update);
  state.stock.subscribe(update);
}
