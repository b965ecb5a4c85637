/**
 * `npm run conformance`: programs that nobody here wrote, against the model server in a page, through a
 * bridge that passes bytes. What they asked and were answered becomes `golden/exchanges.json`, which
 * `npm test` replays without them.
 *
 * It needs Python 3.11 with `venv`, and a package index; `TABSERVE_CONFORMANCE_VENV` names an
 * environment that has the packages already.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { findBrowser, installBrowser } from '../browser.js';
import { TestServer } from '../server.js';
import { Bridge, type Exchange } from './bridge.js';
import { openModelServer, registerAll } from './served.js';

const folder = import.meta.dirname;
const venv =
  process.env.TABSERVE_CONFORMANCE_VENV ??
  join(folder, '../../node_modules/.cache/tabserve-conformance');
const python = join(venv, 'bin/python');

/** Runs all programs, and throws if one finds something. */
export async function main(): Promise<void> {
  if (!existsSync(join(folder, '../../dist/server.js'))) {
    throw new Error('There is no built package: run "npm run build" first.');
  }
  if (!existsSync(python)) {
    await run('python3', ['-m', 'venv', venv]);
    await run(python, [
      '-m',
      'pip',
      'install',
      '-q',
      '-r',
      join(folder, 'recipe/requirements.txt'),
    ]);
  }
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
    await run(python, [join(folder, 'recipe/triton_client.py'), address]);
    const kept = exchanges.splice(0).filter(isLasting).map(plain);
    writeFileSync(join(folder, 'golden/exchanges.json'), `${JSON.stringify(kept, null, 1)}\n`);
    console.log(`${kept.length} exchanges kept.`);
    await run(python, [join(folder, 'recipe/other_clients.py'), address]);
    await run(join(venv, 'bin/schemathesis'), [
      ...['--config-file', join(folder, 'recipe/schemathesis.toml')],
      ...['run', `http://${address}/v2/openapi.json`, '--url', `http://${address}`],
      ...['--checks', 'not_a_server_error,status_code_conformance,content_type_conformance'],
      ...['--phases', 'examples,fuzzing', '--max-examples', '20', '--seed', '1'],
      // Refusals of what there is not are 501, which is no defect; models are to stay.
      ...['--exclude-path-regex', '^/explanations|^/models$|^/v1/|/unload$'],
      ...['--exclude-method', 'DELETE', '--exclude-method', 'PUT'],
    ]);
    await bridge.close();
  } finally {
    await browser.close();
    await files.stop();
  }
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
