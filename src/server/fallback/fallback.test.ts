/** Requests that the device cannot answer, and a remote that answers, fails, hangs and comes back. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TabserveError } from '../../base/errors.js';
import { GraphModel } from '../../testing/graph-model.js';
import { ModelServer } from '../model-server.js';
import type { RegisterOptions } from '../registry.js';
import type { ServableModel } from '../servable.js';
import { CircuitBreaker } from './breaker.js';
import type { FallbackReport } from './fallback.js';

/** A real server on a port, with the same graph; and how it misbehaves. */
const remote = new ModelServer({ name: 'remote' });
let port: Server;
let mood: 'well' | 'broken' | 'hanging' = 'well';
let seen: Record<string, string | string[] | undefined>[] = [];

async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  seen.push(incoming.headers);
  if (mood === 'hanging') return;
  if (mood === 'broken') return void outgoing.writeHead(503).end('no');
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = incoming.headers as Record<string, string>;
  const request = new Request(`http://remote.test${incoming.url}`, {
    method: 'POST',
    body: new Uint8Array(Buffer.concat(chunks)),
  });
  Object.defineProperty(request, 'headers', { value: new Headers(headers) });
  const response = await remote.handle(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

beforeAll(async () => {
  await remote.register('affine', () => GraphModel.open('affine'));
  port = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  await new Promise<void>((resolve) => port.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  port.closeAllConnections();
  port.close();
});

beforeEach(() => {
  mood = 'well';
  seen = [];
});

/** A server whose model does what it is told. */
async function local(
  answer: ServableModel['infer'] | 'broken load',
  fallback: Partial<NonNullable<RegisterOptions['fallback']>> = {},
) {
  const server = new ModelServer();
  const reports: FallbackReport[] = [];
  server.addEventListener('fallback', ({ detail }) => reports.push(detail));
  const { port: number } = port.address() as AddressInfo;
  const url = `http://127.0.0.1:${number}/v2/models/affine`;
  const load = async () => {
    if (answer === 'broken load') throw new TabserveError('out-of-memory', 'There is no memory.');
    return Object.assign(await GraphModel.open('affine'), { infer: answer });
  };
  await server.register('affine', load, { fallback: { url, ...fallback } });
  return { server, reports };
}

const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };

function ask(
  server: ModelServer,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  return server.handle(
    new Request('http://page.test/v2/models/affine/infer', {
      method: 'POST',
      headers,
      body: JSON.stringify({ inputs: [x], outputs: [{ name: 'y' }] }),
      ...init,
    }),
  );
}

const lost = () => Promise.reject(new TabserveError('worker-crashed', 'The worker is lost.'));

it.each([
  ['a lost worker', lost],
  ['a load that fails', 'broken load' as const],
])('%s sends the request to the remote', async (_what, answer) => {
  const credentials = { Authorization: 'Bearer secret' };
  const { server, reports } = await local(answer, { headers: () => credentials });
  const response = await ask(server, { 'X-Mine': 'private', Cookie: 'c=1' });
  expect(response.status).toBe(200);
  expect(response.headers.get('x-tabserve-served-by')).toBe('fallback; unavailable');
  expect((await response.json()).outputs[0].data).toEqual([-1.875, -1.75, 2.75]);
  expect(seen[0]).toMatchObject({
    authorization: 'Bearer secret',
    'content-type': 'application/json',
  });
  expect(seen[0]).not.toHaveProperty('x-mine');
  expect(seen[0]).not.toHaveProperty('cookie');
  expect(reports).toEqual([
    expect.objectContaining({ name: 'affine', reason: 'unavailable', status: 200, error: '' }),
  ]);
  const metrics = await (await server.handle(new Request('http://page.test/metrics'))).text();
  expect(metrics).toContain(
    'tabserve_fallback_requests_total{model="affine",version="1",outcome="answered"} 1',
  );
});

it('bytes stay bytes', async () => {
  const { server } = await local(lost);
  const header = { ...x, data: undefined, parameters: { binary_data_size: 16 } };
  const json = JSON.stringify({ inputs: [header], parameters: { binary_data_output: true } });
  const floats = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const response = await ask(
    server,
    { 'Inference-Header-Content-Length': String(json.length) },
    { body: new Uint8Array(Buffer.concat([Buffer.from(json), floats])) },
  );
  expect(seen.at(-1)).toMatchObject({ 'content-type': 'application/octet-stream' });
  const length = Number(response.headers.get('inference-header-content-length'));
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect([...new Float32Array(bytes.slice(length, length + 12).buffer)]).toEqual([
    -1.875, -1.75, 2.75,
  ]);
});

it('a deadline is split', async () => {
  let given: number | undefined;
  const { server, reports } = await local((_tensors, { signal, timeout }) => {
    given = timeout;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  });
  const response = await ask(server, { 'X-Request-Timeout-Ms': '4000' });
  expect(response.status).toBe(200);
  expect(given).toBeLessThanOrEqual(2000);
  expect(reports[0]).toMatchObject({ reason: 'timeout', status: 200 });
  mood = 'hanging';
  expect((await ask(server, { 'X-Request-Timeout-Ms': '400' })).status).toBe(504);
});

it('what the caller did wrong, and what is not asked for, stays here', async () => {
  const { server, reports } = await local(lost, { when: ['timeout'] });
  expect((await ask(server)).status).toBe(503);
  const other = await local(() => Promise.reject(new TabserveError('invalid-argument', 'No.')));
  expect((await ask(other.server)).status).toBe(400);
  expect((await ask(other.server, {}, { body: '{' })).status).toBe(400);
  expect([seen, reports, other.reports]).toEqual([[], [], []]);
});

it('a remote that fails is left alone', async () => {
  const { server, reports } = await local(lost, { breaker: { failures: 3, pause: 600_000 } });
  mood = 'broken';
  for (let i = 0; i < 5; i++) {
    const response = await ask(server);
    expect(response.status).toBe(503);
    expect((await response.json()).error).toMatch(/The worker is lost/);
  }
  expect(seen).toHaveLength(3);
  expect(reports.map(({ error }) => error)).toEqual([
    ...new Array(3).fill('It answers 503.'),
    ...new Array(2).fill('The remote is not asked for a while.'),
  ]);
});

it('a remote that was left alone is tried again', async () => {
  const { server } = await local(lost, { breaker: { failures: 1, pause: 1 } });
  mood = 'broken';
  expect((await ask(server)).status).toBe(503);
  await new Promise((resolve) => setTimeout(resolve, 20));
  mood = 'well';
  expect((await ask(server)).status).toBe(200);
  expect((await ask(server)).status).toBe(200);
});

it('a caller that goes ends the request there', async () => {
  const { server } = await local(lost);
  mood = 'hanging';
  const gone = new AbortController();
  const asked = ask(server, {}, { signal: gone.signal });
  setTimeout(() => gone.abort(), 50);
  expect((await asked).status).toBe(499);
});

it('needs an address', async () => {
  await expect(local(lost, { url: 'http://' })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(local(lost, { share: 2 })).rejects.toMatchObject({ code: 'invalid-argument' });
});

it('a breaker lets one try after its pause', () => {
  let now = 0;
  const breaker = new CircuitBreaker({ failures: 2, pause: 10 }, () => now);
  for (let i = 0; i < 2; i++) {
    expect(breaker.enter()).toBe(true);
    breaker.failed();
  }
  expect([breaker.state, breaker.enter()]).toEqual(['open', false]);
  now = 10;
  expect([breaker.state, breaker.enter(), breaker.enter()]).toEqual(['half-open', true, false]);
  breaker.failed();
  expect(breaker.enter()).toBe(false);
  now = 20;
  expect(breaker.enter()).toBe(true);
  breaker.left();
  expect(breaker.enter()).toBe(true);
  breaker.succeeded();
  expect([breaker.state, breaker.enter(), breaker.enter()]).toEqual(['closed', true, true]);
});
