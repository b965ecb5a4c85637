/** Small helpers for a page whose structure stands in index.html. */

/** The element with this id, checked to be what the caller takes it for. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} "#${id}"`);
  return found;
}

/**
 * Makes an element. Text goes in as text: labels and file names come from strangers, so nothing on
 * this page ever parses a string as HTML.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: { class?: string; text?: string } = {},
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (options.class !== undefined) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  made.append(...children);
  return made;
}

/** Settles in a task of its own: before it, the page can answer what its user does. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Resolves when the browser has nothing else to do, in two seconds at most. */
export function idle(): Promise<void> {
  return new Promise((resolve) => {
    // Safari has no such callback.
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 2_000 });
    else setTimeout(resolve, 200);
  });
}

/** Fills a `<dl>` with one `<div><dt><dd></div>` per pair. */
export function fillFacts(list: HTMLElement, facts: readonly (readonly [string, string])[]): void {
  list.replaceChildren(
    ...facts.map(([term, value]) =>
      element('div', {}, element('dt', { text: term }), element('dd', { text: value })),
    ),
  );
}
