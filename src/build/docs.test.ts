/** The documentation's snippets are compiled, its links and commands lead somewhere. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((path) => ({ path, text: read(path) }));

interface Snippet {
  path: string;
  line: number;
  language: string;
  code: string;
  /** The file of the project that it is a copy of. */
  file: string | undefined;
}

const snippets: Snippet[] = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/(?:<!-- (\S+) -->\n)?^```(\w*)\n(.*?)^```/gms)].map((match) => {
    const [, file, language = '', code = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { path, line, language, code, file };
  }),
);
const of = (...languages: string[]) =>
  snippets.filter(({ language, file }) => languages.includes(language) && file === undefined);

it('finds the snippets', () => {
  expect(of('ts').length).toBeGreaterThan(15);
  expect(of('json').length).toBeGreaterThan(3);
  expect(snippets.filter(({ file }) => file !== undefined).length).toBeGreaterThan(3);
});

describe('a snippet', () => {
  it('that is code compiles against the types of the package', { timeout: 120_000 }, () => {
    expect(compiled(of('ts', 'tsx', 'js'))).toEqual([]);
  });

  it('that is wrong is found', { timeout: 120_000 }, () => {
    const wrong = (code: string) => ({
      path: 'x.md',
      line: 7,
      language: 'ts',
      code,
      file: undefined,
    });
    const said = compiled([
      wrong('await classifier.classify(file, { topk: 3 });\n'),
      wrong("import { nothing } from 'tabserve';\nnothing;\n"),
      wrong('await classifier.classify(file, { topK: 3 });\n'),
    ]);
    expect(said).toHaveLength(2);
    expect(said.join()).toMatch(/x\.md:7, row 1: .*overload.*x\.md:7, row 1: .*nothing/s);
  });

  it('that shows a file is that file', () => {
    for (const { path, line, code, file } of snippets) {
      if (file !== undefined) expect(code.trim(), `${path}:${line}`).toBe(read(file).trim());
    }
  });

  it('that is JSON can be read, and is a manifest if it looks like one', () => {
    const schema: object = JSON.parse(read('docs/model.schema.json'));
    const accepts = new Ajv({ strict: false }).compile(schema);
    let manifests = 0;
    for (const { path, line, code } of of('json')) {
      // A part of a file stands without its braces.
      const text = /^\s*[[{]/.test(code) ? code : `{${code}}`;
      const value = JSON.parse(text.replaceAll(/"sha256": "…"/g, `"sha256": "${'0'.repeat(64)}"`));
      if (!('files' in value && 'name' in value)) continue;
      manifests += 1;
      expect(accepts(value), `${path}:${line}: ${JSON.stringify(accepts.errors)}`).toBe(true);
    }
    expect(manifests).toBeGreaterThan(0);
  });

  it('that is HTML uses attributes that the element has', () => {
    const { modules } = JSON.parse(read('custom-elements.json'));
    const known = new Set<string>([
      'id',
      'class',
      ...modules[0].declarations[0].attributes.map(({ name }: { name: string }) => name),
    ]);
    let seen = 0;
    for (const { path, line, code } of of('html')) {
      for (const [, inside = ''] of code.matchAll(/<tabserve-classifier\s+([^>]*)>/g)) {
        for (const [, name = ''] of inside.matchAll(/([\w-]+)(?:=(?:"[^"]*"|[^\s"]+))?/g)) {
          seen += 1;
          expect(known.has(name), `${path}:${line}: ${name}`).toBe(true);
        }
      }
    }
    expect(seen).toBeGreaterThan(3);
  });
});

it('links lead to files and headings that exist', () => {
  const broken: string[] = [];
  for (const { path, text } of pages) {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const there = file === '' ? join(root, path) : resolve(root, dirname(path), file);
      if (!existsSync(there)) broken.push(`${path}: ${target}`);
      else if (anchor && statSync(there).isFile() && !headings(there).has(anchor)) {
        broken.push(`${path}: ${target} (no such heading)`);
      }
    }
  }
  expect(broken).toEqual([]);
});

it('pictures are there, none for nothing, and small', () => {
  const folder = join(root, 'docs/images');
  const named = pages.flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/(?:!\[[^\]]*\]\(|(?:src|srcset)=")([^)"\s]+)/g)].map(
      ([, target = '']) => relative(folder, resolve(root, dirname(path), target)),
    ),
  );
  const all = readdirSync(folder);
  expect([...new Set(named)].sort()).toEqual(all.sort());
  const bytes = all.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(bytes).toBeLessThan(600_000);
});

it('commands name scripts, tests and files that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const specs = readdirSync(join(root, 'e2e'), { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.includes('node_modules') && path.endsWith('.spec.ts'))
    .map((path) => `e2e/${path}`);
  const wrong: string[] = [];
  let seen = 0;
  for (const { path, text } of pages) {
    const flat = text.replaceAll(/\s*\n\s*/g, ' ');
    for (const [all, script = ''] of flat.matchAll(/\bnpm run ([\w:-]+)/g)) {
      seen += 1;
      if (!(script in scripts)) wrong.push(`${path}: ${all}`);
    }
    for (const [all, words = ''] of flat.matchAll(
      /\bnpx playwright test ((?:[\w/.]+ ?|[\w/.]+-[\w/.-]+ ?)+)/g,
    )) {
      for (const word of words.split(' ').filter(Boolean)) {
        seen += 1;
        if (!specs.some((spec) => spec.includes(word))) wrong.push(`${path}: ${all}`);
      }
    }
    for (const [all, place = ''] of flat.matchAll(/\bnpx vitest run ([\w/.-]+)/g)) {
      seen += 1;
      // `<task>` stands for any of them.
      if (!existsSync(join(root, place))) wrong.push(`${path}: ${all}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(20);
});

function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```/gms, '');
}

/** The ids that headings have on GitHub and in the documentation. */
function headings(file: string): Set<string> {
  const text = withoutCode(readFileSync(file, 'utf8'));
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, words = '']) =>
      words
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** What the compiler says of snippets: `page:line, row of the snippet: message`. */
function compiled(list: readonly Snippet[]): string[] {
  const folder = join(root, 'node_modules/.cache/tabserve', `snippets-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { exports } = JSON.parse(read('package.json')) as {
    exports: Record<string, string | { types?: string }>;
  };
  const paths = Object.fromEntries(
    Object.entries(exports).flatMap(([name, target]) => {
      const types = typeof target === 'string' ? undefined : target.types;
      const source = types?.replace('./dist/types/', '').replace(/\.d\.ts$/, '.ts');
      return source ? [[`tabserve${name.slice(1)}`, [join(root, source)]]] : [];
    }),
  );
  const options = {
    extends: join(root, 'src/tsconfig.page.json'),
    compilerOptions: {
      rootDir: root,
      paths,
      noUncheckedIndexedAccess: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      verbatimModuleSyntax: false,
      jsx: 'react-jsx',
      allowJs: true,
    },
    files: [join(root, 'src/env.d.ts'), join(root, 'tools/docs/snippets.d.ts')],
    include: ['*'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
  for (const [at, { code, language }] of list.entries()) {
    // An ellipsis stands for what is the reader's.
    const complete = code.replaceAll(/\{ … \}/g, '{}');
    writeFileSync(join(folder, `${at}.${language}`), `${complete}\nexport {};\n`);
  }
  try {
    execFileSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
      { encoding: 'utf8', stdio: 'pipe', cwd: folder },
    );
    return [];
  } catch (error) {
    const { stdout = '' } = error as { stdout?: string };
    const lines = stdout.split('\n').filter((each) => /error TS/.test(each));
    return lines.map((each) =>
      each.replace(/^(\d+)\.\w+\((\d+),\d+\): error /, (_all, at, row) => {
        const { path, line } = list[Number(at)] as Snippet;
        return `${path}:${line}, row ${row}: `;
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
