/** Whatever comes in, an answer of the protocol goes out, and nothing is allocated that was not sent. */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { GraphModel } from '../testing/graph-model.js';
import { ModelServer } from './model-server.js';

let server: ModelServer;

beforeAll(async () => {
  server = new ModelServer({ maxBodyBytes: 100_000 });
  await server.register('affine', () => GraphModel.open('affine'));
  await server.register('ident', () => GraphModel.open('ident'));
});

const part = fc.oneof(
  fc.constantFrom('v2', 'models', 'affine', 'ident', 'infer', 'versions', '1', 'ready', 'stats'),
  fc.constantFrom('repository', 'index', 'config', 'health', 'live', 'none', '..', '%ff', ''),
  fc.webSegment(),
);
const path = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('/v2/models/affine/infer', '/v2/models/ident/infer') },
  fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('/')}`),
);
const datatype = fc.constantFrom('FP32', 'INT64', 'BOOL', 'BYTES', 'FP64', 'FP16', 'BF16', 'x', 7);
const size = fc.oneof(
  fc.integer({ min: 0, max: 4 }),
  fc.constantFrom(-1, 1.5, 2 ** 31, 2 ** 40, 2 ** 53, 1e300, null, '4'),
);
const scalar = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.string(),
  fc.constantFrom(null, 1e308, 2 ** 60, [], {}),
);
const tensor = fc.record(
  {
    name: fc.constantFrom('x', 'in_BOOL', 'in_INT64', 'in_BYTES', 'in_FP64', 'y', '__proto__', 3),
    datatype,
    shape: fc.oneof(fc.array(size, { maxLength: 4 }), scalar),
    data: fc.oneof(fc.array(scalar, { maxLength: 8 }), scalar),
    parameters: fc.record(
      { binary_data_size: fc.oneof(size, fc.constant(16)), classification: size },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['name', 'datatype', 'shape'] },
);
/** Requests that are nearly right, and such as have nothing right. */
const header = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record(
      {
        id: fc.oneof(fc.string(), scalar),
        inputs: fc.oneof({ weight: 9, arbitrary: fc.array(tensor, { maxLength: 4 }) }, scalar),
        outputs: fc.oneof(fc.array(tensor, { maxLength: 3 }), scalar),
        parameters: fc.oneof(
          fc.record({ binary_data_output: fc.boolean(), timeout: scalar }, { requiredKeys: [] }),
          scalar,
        ),
      },
      { requiredKeys: ['inputs'] },
    ),
  },
  fc.json().map((text) => JSON.parse(text) as unknown),
);
const request = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS'),
  path,
  header,
  tail: fc.uint8Array({ maxLength: 64 }),
  /** What the header's length is said to be: right, or wrong by so much, or no number. */
  lie: fc.oneof(
    fc.constantFrom(0, 0, 1, -1, 1000, -1000, 2 ** 53),
    fc.constantFrom('x', '', '0x10'),
  ),
  isBinary: fc.boolean(),
  /** Some bytes of the body are others. */
  damage: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
  encoding: fc.constantFrom(undefined, undefined, undefined, 'gzip', 'deflate', 'br', 'identity'),
  type: fc.constantFrom(undefined, 'application/json', 'image/png', 'text/plain', 'x'),
});

it('answers 1,000 fuzzed requests', { timeout: 60_000 }, async () => {
  let errors = 0;
  await fc.assert(
    fc.asyncProperty(request, async (fuzzed) => {
      const json = new TextEncoder().encode(JSON.stringify(fuzzed.header) ?? '');
      const tail = fuzzed.isBinary ? fuzzed.tail : new Uint8Array(0);
      const body = new Uint8Array(Buffer.concat([json, tail]));
      for (const [at, byte] of fuzzed.damage) if (body.length > 0) body[at % body.length] = byte;
      const headers = new Headers();
      if (fuzzed.isBinary) {
        const length =
          typeof fuzzed.lie === 'string' ? fuzzed.lie : String(json.length + fuzzed.lie);
        headers.set('Inference-Header-Content-Length', length);
      }
      if (fuzzed.encoding) headers.set('Content-Encoding', fuzzed.encoding);
      if (fuzzed.type) headers.set('Content-Type', fuzzed.type);
      const { method } = fuzzed;
      const began = process.memoryUsage().arrayBuffers;
      const response = await server.handle(
        new Request(new URL(`http://page.test${fuzzed.path}`), {
          method,
          headers,
          ...(method !== 'GET' && { body }),
        }),
      );
      const { status } = response;
      // Whatever shapes and lengths say: it takes no more than some megabytes.
      expect(process.memoryUsage().arrayBuffers - began).toBeLessThan(2 ** 26);
      // 500 would be a defect here, or the engine's.
      expect(status).not.toBe(500);
      if (status < 400) return;
      errors += 1;
      const said = (await response.json()) as Record<string, unknown>;
      const isOthers = /^\/(models|predictions|explanations|ping|v1)(\/|$)/.test(
        new URL(`http://page.test${fuzzed.path}`).pathname,
      );
      if (!isOthers) expect(said).toEqual({ error: expect.any(String) });
    }),
    { numRuns: 1000 },
  );
  expect(errors).toBeGreaterThan(500);
  // It works as before.
  const inputs = [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }];
  await server.load('affine').catch(() => undefined);
  const answer = await server.handle(
    new Request('http://page.test/v2/models/affine/infer', {
      method: 'POST',
      body: JSON.stringify({ inputs }),
    }),
  );
  expect(answer.status).toBe(200);
});
