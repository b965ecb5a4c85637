/** Whoever's code is in the package has its licence there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundled } from './licences.js';

const root = join(import.meta.dirname, '..');

/** What the package asks its user for, and what only its types or its making need. */
const elsewhere = /^(node:|tabserve|react$|vite$)/;

it('names each package that is built in, once', () => {
  const imported = new Set<string>();
  for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (
      !/\.tsx?$/.test(path) ||
      /\.test\.ts$|\.d\.ts$|^(build|demo|testing)\/|\/testing\//.test(path)
    )
      continue;
    const code = readFileSync(join(root, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
    const statements = code.matchAll(
      /^(?:import|export)\s+(?!type\b)(?:[^'";]*?\sfrom\s+)?'([^.'][^']*)'|\bimport\('([^.'][^']*)'\)/gm,
    );
    for (const [, still, late] of statements) {
      const [scope = '', name] = (still ?? late ?? '').split('/');
      imported.add(scope.startsWith('@') ? `${scope}/${name}` : scope);
    }
  }
  const packages = [...imported].filter((name) => !elsewhere.test(name));
  expect(packages.length).toBeGreaterThan(5);
  expect(bundled).toEqual([...new Set(bundled)]);
  expect(packages.filter((name) => !(bundled as readonly string[]).includes(name))).toEqual([]);
});
