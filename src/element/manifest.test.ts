/** The descriptions of the element that editors read, against the element itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TabserveClassifierElement } from './element.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Named {
  name: string;
  description?: string;
}
interface Declaration {
  tagName: string;
  attributes: Named[];
  events: Named[];
  members: Named[];
  slots: Named[];
  cssParts: Named[];
  cssProperties: Named[];
}

const { modules } = JSON.parse(read('custom-elements.json')) as {
  modules: { path: string; declarations: Declaration[] }[];
};
const [element] = modules.flatMap(({ declarations }) => declarations);
if (!element) throw new Error('custom-elements.json describes no element.');
const names = (list: Named[]) => list.map(({ name }) => name);

it('custom-elements.json is current; `npm run api` writes it', { timeout: 60_000 }, () => {
  const script = join(root, 'tools/api/elements.mjs');
  const said = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(said).toContain('are current');
});

it('has the attributes that the element observes', () => {
  expect(element.tagName).toBe('tabserve-classifier');
  expect(new Set(names(element.attributes))).toEqual(
    new Set(TabserveClassifierElement.observedAttributes),
  );
});

it('has the parts and custom properties of the style sheet', () => {
  const view = read('src/element/view.ts');
  const parts = new Set([...view.matchAll(/make\('\w+', '(\w+)'/g)].map(([, part]) => part));
  expect(new Set(names(element.cssParts))).toEqual(parts);
  const properties = new Set(
    [...view.matchAll(/var\((--tabserve-[\w-]+)/g)].map(([, name]) => name),
  );
  expect(new Set(names(element.cssProperties))).toEqual(properties);
});

it('describes everything in it, and docs/element.md has all of that', () => {
  const page = read('docs/element.md');
  const { attributes, events, members, slots, cssParts, cssProperties } = element;
  for (const list of [attributes, events, members, slots, cssParts, cssProperties]) {
    expect(list.length).toBeGreaterThan(0);
    for (const { name, description } of list) {
      expect(description, name).toBeTruthy();
      if (name !== '') expect(page).toContain(`\`${name}`);
    }
  }
});
