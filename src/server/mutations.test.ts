/** What clients send, each made wrong in one way: errors that say what to mend, and never a 500. */
import { beforeAll, expect, it } from 'vitest';
import { GraphModel } from '../testing/graph-model.js';
import { complaint, mutatedRequests } from '../testing/mutated-requests.js';
import { ModelServer } from './model-server.js';

const server = new ModelServer({ maxBodyBytes: 1_000_000 });

beforeAll(async () => {
  await server.register('affine', () => GraphModel.open('affine'));
  await server.register('ident', () => GraphModel.open('ident'));
});

it('answers 300 mutated requests as their kinds ask for', { timeout: 60_000 }, async () => {
  const all = mutatedRequests(300);
  expect(new Set(all.map(({ kind }) => kind)).size).toBeGreaterThan(25);
  const complaints: string[] = [];
  for (const mutated of all) {
    const { method, path, headers, body } = mutated.request;
    const sent = body === null ? null : new Uint8Array(Buffer.from(body, 'base64'));
    const request = new Request(`http://page.test${path}`, { method, ...(sent && { body: sent }) });
    Object.defineProperty(request, 'headers', { value: new Headers(headers) });
    const before = process.memoryUsage().arrayBuffers;
    const response = await server.handle(request);
    // Whatever shapes and lengths say: it takes no more than some megabytes.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
    const { status } = response;
    const answer = { status, allow: response.headers.get('allow'), text: await response.text() };
    const found = complaint(mutated, answer);
    if (found) complaints.push(found);
  }
  expect(complaints).toEqual([]);
});
