/**
 * Makes a release: checks, builds and packs it into `release/`, with a bill of materials (SBOM) and a
 * report of licences, then uploads it.
 *
 *     npm run release -- --dry-run             all but the upload
 *     npm run release -- --dry-run --no-tests  without the unit tests and those in a browser
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    'no-tests': { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
  },
});
const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'release');
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Licences that a package in `dist/` may have: they ask for no more than their text, which is there. */
const allowed = /^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|CC0-1\.0|Unlicense)$/;

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

step('lint', 'npm', ['run', 'lint']);
step('types', 'npm', ['run', 'types']);
if (!values['no-build']) step('build', 'npm', ['run', 'build']);
step('documentation', 'npm', ['run', 'docs']);
step('reports of the API', 'node', ['tools/api/report.mjs', '--check']);
step('descriptions of the element', 'node', ['tools/api/elements.mjs', '--check']);
if (!values['no-tests']) {
  step('unit tests', 'npm', ['run', 'unit']);
  step('tests in a browser', 'npm', ['run', 'e2e']);
}
step('package', 'npm', ['pack', '--silent', '--pack-destination', folder]);
const tarball = join(folder, `${name}-${version}.tgz`);
step('publint', 'npx', ['publint', '--strict', tarball]);
step('are the types wrong?', 'npx', ['attw', '--profile', 'esm-only', tarball]);

const sbom = execFileSync(
  'npm',
  ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'library', '--package-lock-only'],
  { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
);
writeFileSync(join(folder, 'sbom.cdx.json'), sbom);
writeFileSync(join(folder, 'licences.md'), licenceReport(JSON.parse(sbom)));
console.log('✓ bill of materials and licences');

if (!values['dry-run']) {
  const dirty = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
  if (dirty) fail(`There are changes that are not committed:\n${dirty}`);
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  if (!changelog.includes(`## ${version}`)) fail(`CHANGELOG.md has no heading "## ${version}".`);
  step('upload', 'npm', ['publish', tarball, '--provenance', '--access', 'public']);
}
const megabytes = (statSync(tarball).size / 1e6).toFixed(1);
console.log(
  `${name} ${version}: ${megabytes} MB in release/${values['dry-run'] ? '. Nothing was uploaded.' : ', uploaded.'}`,
);

/** Runs a command. Its output is shown where it fails. */
function step(what, command, args) {
  try {
    execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 28 });
    console.log(`✓ ${what}`);
  } catch (error) {
    fail(`✗ ${what}: ${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

/**
 * Which licences there are, of what is in the package and of what only makes it.
 *
 * @throws where something in the package has a licence that needs a look.
 */
function licenceReport({ components }) {
  const texts = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  const inside = new Set(
    [...texts.matchAll(/^(\S+) \d+\.\d+\.\d+.* \(/gm)].map(([, name]) => name),
  );
  const rows = components.map(({ group, name, version, licenses = [] }) => ({
    name: group ? `${group}/${name}` : name,
    version,
    licence:
      licenses
        .map(({ license, expression }) => expression ?? license?.id ?? license?.name)
        .join(', ') || 'not said',
  }));
  const found = rows.filter(({ name }) => inside.has(name));
  const doubtful = found.filter(({ licence }) => !allowed.test(licence));
  if (found.length === 0)
    fail('No package of dist/THIRD-PARTY-LICENSES.txt is in the bill of materials.');
  if (doubtful.length > 0) {
    fail(
      `Licences that need a look: ${doubtful.map((each) => `${each.name} (${each.licence})`).join(', ')}`,
    );
  }
  const table = (list) =>
    [
      '| package | version | licence |',
      '|---|---|---|',
      ...list.map((each) => `| ${each.name} | ${each.version} | ${each.licence} |`),
    ].join('\n');
  const others = rows.filter(({ name }) => !inside.has(name));
  return `# Licences of ${name} ${version}\n\n## In the package\n\nTheir texts are in dist/THIRD-PARTY-LICENSES.txt.\n\n${table(found)}\n\n## Only used to build and test it\n\n${table(others)}\n`;
}
