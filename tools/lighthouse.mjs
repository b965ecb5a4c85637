/**
 * Asks Lighthouse about demo and documentation, as `npm start` serves them, on a phone. Fails where a score is below
 * its target. Performance depends on what else the machine does: compare it with the load that is printed.
 *
 *     npm run lighthouse               all pages
 *     npm run lighthouse -- --runs 3   of each the median
 *     npm run lighthouse -- docs/documents/Errors.html
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { preview, runnerImport } from 'vite';

/** By `npx`: it brings a hundred packages that nothing else here needs. */
const version = '13.5.0';

const targets = { performance: 0.95, accessibility: 1, 'best-practices': 1, seo: 1 };

/** What performance is made of. */
const timings = [
  'first-contentful-paint',
  'largest-contentful-paint',
  'total-blocking-time',
  'cumulative-layout-shift',
  'speed-index',
];

/** One of each kind. */
const all = [
  'index.html',
  'docs/index.html',
  'docs/documents/Errors.html',
  'docs/documents/Pictures__classes.html',
  'docs/classes/tabserve.ImageClassifier.html',
];

const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const root = resolve(import.meta.dirname, '..');
const pages = positionals.length > 0 ? positionals : all;
for (const page of pages) {
  if (!existsSync(join(root, 'site', page)))
    throw new Error(`There is no site/${page}. Run "npm run build && npm run docs" first.`);
}
const { module: browsers } = await runnerImport(join(root, 'e2e/browser.ts'), {
  configFile: false,
  logLevel: 'error',
});
const server = await preview({
  root,
  mode: 'demo',
  logLevel: 'error',
  preview: { port: 4181, host: '127.0.0.1' },
});
const base = server.resolvedUrls?.local[0] ?? 'http://127.0.0.1:4181/';

/** What Lighthouse says of a page, by its own phone profile. Now and then it fails to record one, and asks to repeat. */
async function report(page, tries = 3) {
  try {
    return await recorded(page);
  } catch (error) {
    if (tries === 1 || !String(error.stderr).includes('Please run Lighthouse again')) throw error;
    return report(page, tries - 1);
  }
}

async function recorded(page) {
  const { stdout } = await promisify(execFile)(
    'npx',
    [
      ...['--yes', `lighthouse@${version}`, `${base}${page}`, '--output=json', '--quiet'],
      '--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage',
    ],
    { maxBuffer: 1 << 28, env: { ...process.env, CHROME_PATH: browsers.findBrowser() } },
  );
  return JSON.parse(stdout);
}

/** What has cost points, with the elements that it is about. */
function faults({ audits, categories }, category) {
  return categories[category].auditRefs
    .filter(({ id, weight }) => weight > 0 && (audits[id].score ?? 1) < 1)
    .flatMap(({ id }) => {
      const { title, displayValue = '', details } = audits[id];
      const items = (details?.items ?? []).map(({ node }) => node?.selector ?? '').filter(Boolean);
      return [`    ${id}: ${title} ${displayValue}`, ...items.map((each) => `      ${each}`)];
    });
}

let missed = 0;
try {
  for (const page of pages) {
    const reports = [];
    for (let run = 0; run < Number(values.runs); run += 1) reports.push(await report(page));
    const speed = ({ categories }) => categories.performance.score;
    const median = reports.sort((a, b) => speed(a) - speed(b))[reports.length >> 1];
    const scores = Object.keys(targets).map((name) => [name, median.categories[name].score]);
    const told = scores.map(([name, score]) => `${name} ${Math.round(100 * score)}`).join(', ');
    console.log(`${page}: ${told} (load ${loadavg()[0].toFixed(1)})`);
    console.log(`  ${timings.map((id) => `${id} ${median.audits[id].displayValue}`).join(', ')}`);
    for (const [name, score] of scores) {
      if (score < targets[name]) missed += 1;
      if (score < 1) console.log([`  ${name}:`, ...faults(median, name)].join('\n'));
    }
  }
} finally {
  await server.close();
}
if (missed > 0) {
  console.error(`${missed} scores are below their targets: ${JSON.stringify(targets)}.`);
  process.exit(1);
}
