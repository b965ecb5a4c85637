/**
 * The rooms of the house, and which may know which. What is imported for its types counts too: a type
 * is knowledge.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = import.meta.dirname;

/** All modules, by their path within `src/`, with what they import of `src/`. */
const modules = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ts$/.test(path) && !/\.(test|d)\.ts$/.test(path))
    .map((path) => [path, importsOf(path)]),
);

function importsOf(path: string): { path: string; isType: boolean }[] {
  const code = readFileSync(join(root, path), 'utf8').replaceAll(
    /\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm,
    '',
  );
  const statements = code.matchAll(
    /\b(?:(import|export)\s+(type\s)?(?:[\w*{][^'"`;]*?\sfrom\s+)?|(import)\s*\(\s*)(['"])(\.[^'"]+)\4/g,
  );
  return [...statements]
    .map(([, , type, , , target = '']) => ({
      path: relative(root, resolve(root, dirname(path), target)).replace(/\.js$/, '.ts'),
      isType: type !== undefined,
    }))
    .filter((each) => each.path.endsWith('.ts') && !each.path.startsWith('..'));
}

/** All that match `from` and import what matches `to`, as `from → to`. */
function arrows(from: RegExp, to: RegExp): string[] {
  return [...modules].flatMap(([path, imports]) =>
    from.test(path)
      ? imports.filter((each) => to.test(each.path)).map((each) => `${path} → ${each.path}`)
      : [],
  );
}

it('finds the imports', () => {
  expect(modules.size).toBeGreaterThan(100);
  expect(importsOf('runtime/worker.ts')).toContainEqual({ path: 'wire/guard.ts', isType: false });
  expect(importsOf('runtime/task.ts')).toContainEqual({ path: 'base/tensor.ts', isType: true });
  expect(importsOf('serving/page-services.ts')).toContainEqual({
    path: 'tasks/manifests.ts',
    isType: false,
  });
});

describe('no arrow leads', () => {
  const faces = 'api|server|explain|element|react|leasing|library|demo|cli|index\\.ts|global\\.ts';
  // The worker's half of learning; the rest of the room is a page's.
  const learning =
    'learn/(service|fit|keep|feature-set|arithmetic/|carry/(merge|cut|prune|zip)|network/train)';
  it.each<[string, RegExp, RegExp, readonly string[]]>([
    ['from base to any other room', /^base\//, /^(?!base\/)/, []],
    ['from an input to anything but base', /^input\//, /^(?!input\/|base\/)/, []],
    ['from one input to another', /^input\/image\//, /^input\/(?!image\/)/, []],
    ['from leasing to a face that uses it', /^leasing\//, /^(element|react|demo|server)\//, []],
    ['from the element to React', /^element\//, /^react\//, []],
    ['from the runtime to a task', /^runtime\//, /^(tasks|worker)\//, []],
    ['from the runtime to an input', /^runtime\//, /^input\//, []],
    ['from the server to anything but base', /^server\//, /^(?!server\/|base\/)/, []],
    [
      'from explanations to anything but base, tasks and the types of inputs',
      /^explain\//,
      /^(?!explain\/|base\/|tasks\/|input\/)/,
      [],
    ],
    ['from a model to the runtime', /^model\//, /^(runtime|worker)\//, []],
    ['from a model to an input', /^model\//, /^input\//, modelsOfPictures('input')],
    ['from a model to a task', /^model\//, /^tasks\//, modelsOfPictures('tasks')],
    ['from the wire to an input or a task', /^wire\//, /^(input|tasks)\//, []],
    ['from the wire up', /^wire\//, new RegExp(`^(${faces}|serving|runtime|worker)`), []],
    ['from serving up', /^serving\//, new RegExp(`^(${faces})`), apiTypesOf('serving')],
    ['from the library down to a task', /^library\//, /^tasks\/.+\//, []],
    ['from a task up', /^tasks\//, new RegExp(`^(${faces}|serving|worker)`), []],
    [
      'from a task to the runtime, but for its types',
      /^tasks\//,
      /^runtime\/(?!(task|service)\.ts)/,
      [],
    ],
    [
      'from learning in a worker up',
      new RegExp(`^${learning}`),
      new RegExp(`^(${faces}|serving)`),
      [],
    ],
    [
      'from learning in a page to the inside',
      new RegExp(`^learn/(?!${learning.slice(6)})`),
      /^(api|serving|runtime|worker|tasks)\/(?!.*types\.ts)/,
      [],
    ],
    [
      'from anything but its pack to learning',
      /^(?!learn\/|worker\/packs\/learn\.ts)/,
      /^learn\//,
      [],
    ],
    [
      'from the page to anything of a worker',
      new RegExp(`^(${faces}|serving|wire)`),
      /^(runtime|worker)\/|\/worker\.ts$/,
      [
        // The command line is a worker without a page.
        'cli/graph.ts → runtime/backend.ts',
        'cli/graph.ts → runtime/engine-parts.ts',
        'cli/graph.ts → runtime/session.ts',
        'cli/self-test.ts → runtime/compare.ts',
        'cli/self-test.ts → runtime/self-test.ts',
        'cli/self-test.ts → runtime/session.ts',
        'cli/table.ts → tasks/tabular/worker.ts',
      ],
    ],
    ['from the page into a pack', new RegExp(`^(${faces}|serving|wire)`), /^worker\/packs\//, []],
  ])('%s', (_name, from, to, known) => {
    // An exception that is none any more has to go.
    expect(arrows(from, to)).toEqual(known);
  });
});

/**
 * The translators of other descriptions lie in the model room still, and describe classifiers of
 * pictures.
 */
function modelsOfPictures(room: 'input' | 'tasks'): string[] {
  return arrows(/^model\/manifest\.ts$/, new RegExp(`^${room}/`));
}

/** The vocabulary of pages lies in `api` still, and serving speaks it. */
function apiTypesOf(room: string): string[] {
  return arrows(new RegExp(`^${room}/`), /^api\/types\.ts$/);
}

it('goes round in no circle, but for types', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const each of modules.get(path) ?? [])
      if (!each.isType) visit(each.path, [...trail, path]);
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
  expect(circles).toEqual([]);
});
