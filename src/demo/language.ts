/**
 * The page's language. Texts stand in the code and in index.html in English; `texts/` has one table for each
 * other language, from the English text to its own.
 */
import { de } from './texts/de.js';
import { zh } from './texts/zh.js';

type Language = 'en' | 'de' | 'zh';

/** For each language that the switch of index.html offers. */
const tables: Readonly<Record<Language, Readonly<Record<string, string>>>> = { en: {}, de, zh };

const key = 'tabserve-demo-language';

/** What the switch says, else the first of the reader's languages that there is. */
export const language: Language = chosen();

function chosen(): Language {
  // Index.html has put what was chosen earlier on the root.
  const { language = '' } = document.documentElement.dataset;
  const wanted = [language, ...navigator.languages].map((each) => each.split('-')[0] ?? '');
  return wanted.find(isLanguage) ?? 'en';
}

function isLanguage(name: string): name is Language {
  return Object.hasOwn(tables, name);
}

/**
 * A text in the page's language.
 *
 * @param text - The English one; `{1}`, `{2}`, … stand for the values.
 */
export function t(text: string, ...values: readonly (string | number)[]): string {
  return translated(text).replaceAll(/\{(\d)\}/g, (place, at) =>
    String(values[Number(at) - 1] ?? place),
  );
}

function translated(text: string): string {
  const table = tables[language];
  return Object.hasOwn(table, text) ? (table[text] as string) : text;
}

/** Attributes that are read out or shown. */
const attributes = ['aria-label', 'alt', 'placeholder', 'content'];

/** Puts index.html into the page's language, and lets the switch change it. */
export function translatePage(): void {
  document.documentElement.lang = language;
  const select = document.getElementById('language') as HTMLSelectElement;
  select.value = language;
  select.addEventListener('change', () => {
    try {
      localStorage.setItem(key, select.value);
    } catch {
      // Then the page comes back as it is.
    }
    location.reload();
  });
  if (language === 'en') return;
  document.title = t(document.title);
  for (const each of document.querySelectorAll('[aria-label], [alt], [placeholder], meta[name]')) {
    for (const name of attributes) {
      const text = each.getAttribute(name);
      if (text) each.setAttribute(name, t(text));
    }
  }
  for (const each of document.body.querySelectorAll('*')) {
    const { text, children } = sentenceOf(each);
    if (!Object.hasOwn(tables[language], text)) continue;
    const parts = translated(text).split(/\{(\d)\}/);
    // Every other part is the number of an element of the sentence.
    each.replaceChildren(
      ...parts.map((part, at) => (at % 2 ? (children[Number(part) - 1] as Element) : part)),
    );
  }
}

/** The sentence that an element holds: `{1}`, `{2}`, … stand for elements in it. Empty if it has none. */
export function sentenceOf(element: Element): { text: string; children: Element[] } {
  const children = [...element.children];
  const said = [...element.childNodes].map((node) => {
    if (node instanceof Text) return node.data;
    return node instanceof Element ? `{${children.indexOf(node) + 1}}` : '';
  });
  const isText = [...element.childNodes].some(
    (node) => node instanceof Text && /\p{L}/u.test(node.data),
  );
  const text = said.join('').replaceAll(/\s+/g, ' ').trim();
  return { text: isText && element instanceof HTMLElement ? text : '', children };
}
