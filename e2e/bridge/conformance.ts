/**
 * `npm run conformance`: programs that nobody here wrote, against the model server in a page, through a
 * bridge that passes bytes; and real servers that answer for a device that cannot. What the clients
 * asked and were answered becomes `golden/exchanges.json`, which `npm test` replays without them.
 *
 * It needs Python 3.11 with `venv`, and a package index. `TABSERVE_CONFORMANCE_VENV` names an
 * environment that has the packages already; those of KServe, MLServer and Triton are beside it, with
 * `-kserve`, `-mlserver` and `-triton` at the end of their names, because they do not go into one.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { findBrowser, installBrowser } from '../browser.js';
import { TestServer } from '../server.js';
import { Bridge, type Exchange } from './bridge.js';
import { checkHybrid } from './hybrid.js';
import { findingsAt, hasProtocolFile } from './protocol-file.js';
import { Remote } from './remote.js';
import { openModelServer, registerAll } from './served.js';

const folder = import.meta.dirname;
const venv =
  process.env.TABSERVE_CONFORMANCE_VENV ??
  join(folder, '../../node_modules/.cache/tabserve-conformance');
const recipe = (name: string) => join(folder, 'recipe', name);

/**
 * An environment of Python, made if it is not there.
 *
 * @param interpreter - What it is of.
 * @returns Its Python.
 */
async function environment(suffix: string, interpreter = 'python3'): Promise<string> {
  const place = venv + suffix;
  const python = join(place, 'bin/python');
  if (!existsSync(python)) {
    // Some interpreters have no pip to give away.
    await run(interpreter, ['-m', 'venv', '--without-pip', place]);
    const requirements = recipe(`requirements${suffix}.txt`);
    await run('python3', ['-m', 'pip', '--python', python, 'install', '-q', '-r', requirements]);
  }
  return python;
}

/** A Python with the standard library that Triton's backend was built with; `null` if there is none. */
function pythonForTriton(): string | null {
  const test = 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 11, 5))';
  const fits = (program: string) => {
    try {
      execFileSync(program, ['-c', test], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  return ['python3', 'python3.11', '/usr/bin/python3'].find(fits) ?? null;
}

/** Runs all programs, and throws if one finds something. */
export async function main(): Promise<void> {
  if (!existsSync(join(folder, '../../dist/server.js'))) {
    throw new Error('There is no built package: run "npm run build" first.');
  }
  const python = await environment('');
  const kserve = await environment('-kserve');
  const files = await TestServer.start();
  const browser = await chromium.launch({
    executablePath: findBrowser() ?? installBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(error));
    await openModelServer(page, files);
    await registerAll(page);
    const bridge = await Bridge.open(page);
    const exchanges: Exchange[] = [];
    bridge.onExchange = (exchange) => exchanges.push(exchange);
    const address = `127.0.0.1:${bridge.port}`;
    await run(python, [recipe('triton_client.py'), address]);
    await run(kserve, [recipe('kserve_client.py'), address]);
    keep('exchanges.json', exchanges.splice(0));
    await run(python, [recipe('other_clients.py'), address]);
    await run(join(venv, 'bin/schemathesis'), [
      ...['--config-file', recipe('schemathesis.toml')],
      ...['run', `http://${address}/v2/openapi.json`, '--url', `http://${address}`],
      ...['--checks', 'not_a_server_error,status_code_conformance,content_type_conformance'],
      ...['--phases', 'examples,fuzzing', '--max-examples', '20', '--seed', '1'],
      // Refusals of what there is not are 501, which is no defect; models are to stay.
      ...['--exclude-path-regex', '^/explanations|^/models$|^/v1/|/unload$'],
      ...['--exclude-method', 'DELETE', '--exclude-method', 'PUT'],
    ]);
    const findings = (at: string) =>
      findingsAt(at, join(workplace, 'findings'), (argv) =>
        run(join(venv, 'bin/schemathesis'), [
          '--config-file',
          recipe('schemathesis.toml'),
          ...argv,
        ]),
      );
    const found = hasProtocolFile ? await findings(address) : new Set<string>();
    await bridge.close();
    for (const remote of await remotes(kserve)) {
      try {
        if (remote.name === 'triton' && hasProtocolFile) {
          await remote.start();
          const known = await findings(`127.0.0.1:${remote.port}`);
          await remote.kill();
          const more = [...found].filter((each) => !known.has(each));
          if (more.length > 0) throw new Error(`Found here, and not at Triton: ${more.join('; ')}`);
          console.log(`ok    the protocol’s file: ${found.size} findings, at Triton ${known.size}`);
        }
        await checkHybrid(page, files, remote);
      } finally {
        await remote.kill();
      }
    }
  } finally {
    rmSync(workplace, { recursive: true });
    await browser.close();
    await files.stop();
  }
}

/** Writes exchanges for the tests that replay them. */
function keep(name: string, exchanges: readonly Exchange[]): void {
  const kept = exchanges.filter(isLasting).map(plain);
  writeFileSync(join(folder, 'golden', name), `${JSON.stringify(kept, null, 1)}\n`);
  console.log(`${kept.length} exchanges kept.`);
}

/** What is written while it runs. */
const workplace = mkdtempSync(join(tmpdir(), 'tabserve-conformance-'));

/** Real servers that have `affine`. */
async function remotes(kserve: string): Promise<Remote[]> {
  const model = `affine=${join(folder, 'golden/affine.onnx')}`;
  const mlserver = await environment('-mlserver');
  const all = [
    await Remote.on('mlserver', (port) => [
      mlserver,
      recipe('mlserver_server.py'),
      String(port),
      model,
    ]),
    await Remote.on('kserve', (port) => [
      kserve,
      recipe('kserve_server.py'),
      `--http_port=${port}`,
      model,
    ]),
  ];
  const interpreter = pythonForTriton();
  if (interpreter === null) {
    console.log('      Triton is not asked: it needs a Python 3.11 before 3.11.5.');
    return all;
  }
  const triton = await environment('-triton', interpreter);
  return [
    await Remote.on('triton', (port) => [
      triton,
      recipe('triton_server.py'),
      workplace,
      String(port),
      model,
    ]),
    ...all,
  ];
}

/** Whether another run would have the same answer: times and counts differ. */
function isLasting({ request: { url } }: Exchange): boolean {
  return !/\/stats$/.test(new URL(url).pathname);
}

/** Without what belongs to one run: the port, and the client's name. */
function plain({ request, response }: Exchange): object {
  const { pathname, search } = new URL(request.url);
  const headers = request.headers.filter(([name]) => !/^(user-agent|content-length)$/i.test(name));
  const { method, body } = request;
  return { request: { method, path: pathname + search, headers, body }, response };
}

function run(command: string, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // What programs leave behind is not for the project.
    const child = spawn(command, argv, { stdio: 'inherit', cwd: tmpdir() });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${argv[0]} found something: it ended with ${code}.`));
    });
  });
}
