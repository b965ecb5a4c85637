/**
 * `npm run bench`: tabserve, the limit of its engine, and the other ways to classify pictures in a
 * page, measured side by side in one run.
 *
 * Rounds are interleaved (every case once, then every case again), so that a change of the machine's
 * mood meets all of them; medians over the rounds are compared, and only within one run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchCase, benchCases } from './cases.js';
import { missingMaterial, provideMaterial } from './material.js';
import { type CaseResult, type RunResult, toHtml, toTable } from './report.js';
import { BenchServer } from './server.js';
import { type Effort, type Sample, visit, withBrowser } from './visit.js';

const folder = import.meta.dirname;
const full: Effort = { rounds: 5, images: 30, batch: 100, video: 6000 };
const quick: Effort = { rounds: 1, images: 8, batch: 16, video: 2000 };

const usage = `npm run bench -- [--quick] [--rounds N] [--cases a,b,…] [--no-install]

  --quick       one round, few images
  --rounds N    how many rounds (default ${full.rounds})
  --cases a,b   only these: ${benchCases.map(({ name }) => name).join(', ')}
  --no-install  do not install the other libraries; cases that need them are not run

On Linux Chromium has to be told to use a GPU:
  BENCH_CHROMIUM_ARGS='--enable-unsafe-webgpu --enable-features=Vulkan' npm run bench -- \\
    --cases tabserve-webgpu,tabserve-webgpu-cpu,bare-webgpu,tabserve,bare`;

/** Runs the benchmark and writes its report. */
export async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      cases: { type: 'string' },
      'no-install': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const missing = missingMaterial();
  if (missing) {
    throw new Error(`The benchmark needs ../shared/${missing}, which is not part of the project.`);
  }
  if (!existsSync(join(folder, '../../dist/index.js'))) {
    throw new Error('There is no built package: run "npm run build" first.');
  }
  const effort = { ...(values.quick ? quick : full) };
  if (values.rounds) effort.rounds = Number(values.rounds);
  const wanted = values.cases?.split(',') ?? benchCases.map(({ name }) => name);
  const unknown = wanted.find((name) => benchCases.every((each) => each.name !== name));
  if (unknown) throw new Error(`There is no case "${unknown}".\n\n${usage}`);
  const cases = benchCases.filter(({ name }) => wanted.includes(name));
  if (!values['no-install']) installPeers(cases);

  const server = await BenchServer.start();
  try {
    const { browser, gpu } = await prepare(server);
    const head = {
      date: new Date().toISOString(),
      command: ['npm run bench --', ...argv].join(' '),
      machine: `${cpus()[0]?.model.trim()}, ${cpus().length} logical CPUs`,
      browser,
    };
    for await (const { rounds, results } of measure(server, cases, effort, gpu)) {
      // After every round, so that a run that is cut short leaves what it had.
      write({ ...head, effort: { ...effort, rounds }, cases: results });
    }
  } finally {
    await server.stop();
  }
}

function write(result: RunResult): void {
  const out = join(folder, 'results');
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(out, 'results.md'), toTable(result));
  writeFileSync(join(out, 'report.html'), toHtml(result));
  console.log(
    `\n${toTable(result)}\nWritten to e2e/bench/results: results.json, results.md, report.html`,
  );
}

/** Makes the material; tells the browser's name and, where there is one, its GPU. */
async function prepare(server: BenchServer): Promise<{ browser: string; gpu: string | null }> {
  return withBrowser(async (context) => {
    const page = await context.newPage();
    await provideMaterial(server, page);
    const gpu = await page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      if (!adapter || adapter.info.isFallbackAdapter) return null;
      return `${adapter.info.vendor} ${adapter.info.architecture}`.trim();
    });
    return { browser: `Chromium ${context.browser()?.version() ?? ''}, headless`, gpu };
  });
}

/** All cases, round by round; gives what there is after each. */
async function* measure(
  server: BenchServer,
  cases: readonly BenchCase[],
  effort: Effort,
  gpu: string | null,
): AsyncGenerator<{ rounds: number; results: CaseResult[] }> {
  const results = cases.map((benchCase): CaseResult => {
    const obstacle = obstacleOf(benchCase, gpu);
    return { case: benchCase, samples: [], loads: [], ...(obstacle && { notRun: obstacle }) };
  });
  for (let round = 0; round < effort.rounds; round++) {
    // Each round begins with another case, so that none always follows the same one.
    const order = results.map(
      (_, place) => results[(place + round) % results.length] as CaseResult,
    );
    for (const result of order) {
      if (result.notRun) continue;
      const load = loadavg()[0] ?? 0;
      try {
        const sample: Sample = await visit(server, result.case, effort);
        result.samples.push(sample);
        result.loads.push(load);
        console.error(
          `round ${round + 1}/${effort.rounds} ${result.case.name}: cold ${sample.coldStart.toFixed(0)} ms, per photo ${sample.latency.toFixed(1)} ms (load ${load.toFixed(1)})`,
        );
      } catch (error) {
        result.notRun = String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
        console.error(`round ${round + 1} ${result.case.name}: ${result.notRun}`);
      }
    }
    yield { rounds: round + 1, results };
  }
}

/** Why a case cannot run here, if it cannot. */
function obstacleOf({ needs, needsGpu }: BenchCase, gpu: string | null): string | undefined {
  if (needs && !existsSync(join(folder, 'node_modules', needs))) return `${needs} is not installed`;
  if (needsGpu && !gpu) {
    return 'no GPU adapter here, or a software one, whose speed says nothing';
  }
  return undefined;
}

/** The other libraries have a package.json of their own: nobody else needs them. */
function installPeers(cases: readonly BenchCase[]): void {
  const absent = cases.some(
    ({ needs }) => needs && !existsSync(join(folder, 'node_modules', needs)),
  );
  if (!absent) return;
  console.error('Installing the libraries to compare with …');
  try {
    // Their install scripts fetch native builds that a browser has no use for.
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    execFileSync('npm', ['install', ...flags], { cwd: folder, stdio: 'inherit' });
  } catch (error) {
    console.error(`They could not be installed: ${error}`);
  }
}
