/**
 * What other people's clients asked the server in a page, and what it answered them: the same is
 * answered here, byte by byte. `npm run conformance` records it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { GraphModel } from '../testing/graph-model.js';
import { ModelServer } from './model-server.js';

interface Exchange {
  request: { method: string; path: string; headers: [string, string][]; body: string | null };
  response: { status: number; headers: [string, string][]; body: string };
}

const golden = (name: string) =>
  JSON.parse(
    readFileSync(join(import.meta.dirname, '../../e2e/bridge/golden', name), 'utf8'),
  ) as Exchange[];

/** Without what another zlib would pack differently. */
async function unpacked(body: Uint8Array<ArrayBuffer>, encoding: string | null | undefined) {
  if (!encoding) return Buffer.from(body);
  const stream = new Blob([body])
    .stream()
    .pipeThrough(new DecompressionStream(encoding as CompressionFormat));
  return Buffer.from(await new Response(stream).arrayBuffer());
}

async function serverOfClients(): Promise<ModelServer> {
  const server = new ModelServer();
  await server.register('affine', () => GraphModel.open('affine'));
  await server.register('ident', () => GraphModel.open('ident'));
  // Its pictures are not asked about here: it is there to be listed.
  await server.register('everyday', () => GraphModel.open('affine'));
  return server;
}

describe.each([['Triton’s and KServe’s clients', golden('exchanges.json'), 70, serverOfClients]])(
  '%s, replayed',
  (_who, exchanges, least, open) => {
    let server: ModelServer;

    beforeAll(async () => {
      server = await open();
    });

    it('says much', () => expect(exchanges.length).toBeGreaterThan(least));

    it.each(
      exchanges.map(
        (each, index) => [index, each.request.method, each.request.path, each] as const,
      ),
    )('%i: %s %s', async (_index, method, path, { request, response }) => {
      const body =
        request.body === null ? null : new Uint8Array(Buffer.from(request.body, 'base64'));
      const asked = new Request(`http://page.test${path}`, { method, ...(body && { body }) });
      Object.defineProperty(asked, 'headers', { value: new Headers(request.headers) });
      const answer = await server.handle(asked);
      const expected = Object.fromEntries(response.headers);
      expect(answer.status).toBe(response.status);
      for (const name of ['content-type', 'content-encoding', 'inference-header-content-length'])
        expect(answer.headers.get(name) ?? undefined, name).toBe(expected[name]);
      const encoding = expected['content-encoding'];
      const here = await unpacked(new Uint8Array(await answer.arrayBuffer()), encoding);
      const there = await unpacked(new Uint8Array(Buffer.from(response.body, 'base64')), encoding);
      expect(here.toString('latin1')).toBe(there.toString('latin1'));
    });
  },
);
