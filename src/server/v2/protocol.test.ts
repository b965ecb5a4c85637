/** What the protocol's requests answer, on graphs in the real engine. */
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TabserveError } from '../../base/errors.js';
import { GraphModel } from '../../testing/graph-model.js';
import { ModelServer } from '../model-server.js';
import type { ServableModel } from '../servable.js';

let server: ModelServer;

beforeAll(async () => {
  server = new ModelServer({ maxBodyBytes: 100_000 });
  await server.register('affine', () => GraphModel.open('affine'));
  await server.register('ident', () => GraphModel.open('ident'));
});

/** Sends a request; its body as JSON unless it is bytes or text. */
function send(
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  const isSent = typeof body === 'string' || body instanceof Uint8Array;
  return server.handle(
    new Request(`http://page.test${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      ...(body !== undefined && {
        body: isSent ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
      }),
      ...init,
    }),
  );
}

const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
const infer = '/v2/models/affine/infer';

/** A body in the binary data format. */
function binary(header: object, ...tail: Uint8Array[]) {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const body = new Uint8Array(Buffer.concat([json, ...tail]));
  return { body, headers: { 'Inference-Header-Content-Length': String(json.length) } };
}

async function errorOf(response: Promise<Response>) {
  const { status, headers } = await response;
  const { error, ...rest } = await (await response).json();
  expect(rest).toEqual({});
  expect(headers.get('content-type')).toBe('application/json');
  return { status, error };
}

describe('tensors as JSON', () => {
  it('are answered, with the id', async () => {
    const response = await send(infer, { id: 'a b', inputs: [x], parameters: { mine: 1 } });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      id: 'a b',
      model_name: 'affine',
      model_version: '1',
      outputs: [
        { name: 'y', datatype: 'FP32', shape: [1, 3], data: [-1.875, -1.75, 2.75] },
        { name: 'label', datatype: 'INT64', shape: [1], data: [2] },
      ],
    });
  });

  it('may be nested, and outputs chosen', async () => {
    const data = [
      [1, 2, 3, 4],
      [9, 0, 0, 0],
    ];
    const inputs = [{ ...x, shape: [2, 4], data }];
    const response = await send(infer, { inputs, outputs: [{ name: 'label' }] });
    const { outputs } = await response.json();
    expect(outputs).toEqual([{ name: 'label', datatype: 'INT64', shape: [2], data: [2, 0] }]);
  });

  it('may have no rows', async () => {
    const { outputs } = await (
      await send(infer, { inputs: [{ ...x, shape: [0, 4], data: [] }] })
    ).json();
    expect(outputs[0]).toMatchObject({ shape: [0, 3], data: [] });
  });

  it('may be what JSON has no words for, both ways', async () => {
    const body = JSON.stringify({ inputs: [x] }).replace(
      '[1,2,3,4]}',
      '[NaN,-Infinity,Infinity,1e-3]}',
    );
    const text = await (await send(infer, body)).text();
    expect(text).toContain('"data":[NaN,');
    const large = `{"inputs":[
      {"name":"in_BOOL","shape":[2],"datatype":"BOOL","data":[true,false]},
      {"name":"in_INT64","shape":[2],"datatype":"INT64","data":[9007199254740993,-9223372036854775808]},
      {"name":"in_FP64","shape":[2],"datatype":"FP64","data":[0.1234567890123456789,12345678901234567890]},
      {"name":"in_BYTES","shape":[2],"datatype":"BYTES","data":["NaN, 12345678901234567890 \\" \\u00e4",""]}]}`;
    const answer = await (await send('/v2/models/ident/infer', large)).text();
    expect(answer).toContain('[9007199254740993,-9223372036854775808]');
    expect(answer).toContain('[true,false]');
    expect(answer).toContain('[0.12345678901234568,12345678901234567000]');
    expect(answer).toContain('["NaN, 12345678901234567890 \\" ä",""]');
  });
});

describe('tensors as bytes', () => {
  const floats = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const header = { ...x, data: undefined, parameters: { binary_data_size: 16 } };

  it('go both ways, at whatever place they are', async () => {
    for (const id of ['', 'a', 'ab', 'abc']) {
      const { body, headers } = binary(
        { id, inputs: [header], parameters: { binary_data_output: true } },
        floats,
      );
      const response = await send(infer, body, headers);
      const length = Number(response.headers.get('inference-header-content-length'));
      const bytes = new Uint8Array(await response.arrayBuffer());
      const { outputs } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
      expect(outputs.map((each: { parameters: object }) => each.parameters)).toEqual([
        { binary_data_size: 12 },
        { binary_data_size: 8 },
      ]);
      const y = new Float32Array(bytes.slice(length, length + 12).buffer);
      expect([...y]).toEqual([-1.875, -1.75, 2.75]);
      expect(new BigInt64Array(bytes.slice(length + 12).buffer)[0]).toBe(2n);
    }
  });

  it('and JSON go together', async () => {
    const outputs = [{ name: 'y', parameters: { binary_data: true } }, { name: 'label' }];
    const { body, headers } = binary({ inputs: [header], outputs }, floats);
    const response = await send(infer, body, headers);
    const length = Number(response.headers.get('inference-header-content-length'));
    const text = (await response.text()).slice(0, length);
    expect(JSON.parse(text).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } },
      { name: 'label', datatype: 'INT64', shape: [1], data: [2] },
    ]);
  });

  it.each(['gzip', 'deflate'] as const)('are unpacked of %s, and packed', async (encoding) => {
    const { body, headers } = binary({ inputs: [header] }, floats);
    const stream = new Blob([body]).stream().pipeThrough(new CompressionStream(encoding));
    const packed = new Uint8Array(await new Response(stream).arrayBuffer());
    const response = await send(infer, packed, {
      ...headers,
      'Content-Encoding': encoding,
      'Accept-Encoding': `br;q=0, ${encoding}`,
    });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    const unpacked = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(
      new DecompressionStream(encoding),
    );
    expect((await new Response(unpacked).json()).outputs[0].data).toEqual([-1.875, -1.75, 2.75]);
  });
});

it('gives the best classes, with their labels', async () => {
  const labelled = Object.assign(await GraphModel.open('affine'));
  labelled.info.model.labels = ['cat', 'dog', 'fish'];
  await server.register('labelled', labelled);
  const asked = (shape: number[], data: number[]) =>
    send('/v2/models/labelled/infer', {
      inputs: [{ ...x, shape, data }],
      outputs: [{ name: 'y', parameters: { classification: 2 } }],
    });
  expect((await (await asked([1, 4], x.data)).json()).outputs).toEqual([
    { name: 'y', datatype: 'BYTES', shape: [2], data: ['2.750000:2:fish', '-1.750000:1:dog'] },
  ]);
  const { outputs } = await (await asked([2, 4], [...x.data, 9, 0, 0, 0])).json();
  expect(outputs[0].shape).toEqual([2, 2]);
  expect(outputs[0].data[2]).toBe('9.125000:0:cat');
});

describe('a wrong request', () => {
  it.each<[string, unknown, RegExp]>([
    ['no object', [1], /a list, not an object/],
    ['no inputs', {}, /"inputs" is missing/],
    ['no JSON', '{"inputs": [', /no JSON/],
    ['no text', Uint8Array.of(0xff, 0xfe), /not UTF-8/],
    ['an unknown input', { inputs: [{ ...x, name: 'q' }] }, /no input "q"; its inputs are x/],
    ['an input twice', { inputs: [x, x] }, /"x" is there twice/],
    ['an unknown output', { inputs: [x], outputs: [{ name: 'z' }] }, /no output "z"; .* y, label/],
    ['an unknown datatype', { inputs: [{ ...x, datatype: 'FOO' }] }, /"FOO"/],
    ['BF16', { inputs: [{ ...x, datatype: 'BF16' }] }, /BF16.*engine/],
    ['another datatype', { inputs: [{ ...x, datatype: 'INT8' }] }, /INT8; .* expects FP32/],
    ['another shape', { inputs: [{ ...x, shape: [1, 5] }] }, /\[1,5\]; .* expects \[-1,4\]/],
    ['a negative size', { inputs: [{ ...x, shape: [-1, 4] }] }, /\[-1,4\]/],
    ['a huge shape', { inputs: [{ ...x, shape: [2 ** 40, 4] }] }, /4 elements; its shape has/],
    ['a part of a size', { inputs: [{ ...x, shape: [1.5, 4] }] }, /1\.5,4/],
    ['too many sizes', { inputs: [{ ...x, shape: new Array(17).fill(1) }] }, /at most 16/],
    ['too few elements', { inputs: [{ ...x, data: [1] }] }, /1 elements; its shape has 4/],
    ['text as numbers', { inputs: [{ ...x, data: ['1', 2, 3, 4] }] }, /Element 0 .* "1"; FP32/],
    ['neither', { inputs: [{ ...x, data: undefined }] }, /neither/],
    [
      'both',
      { inputs: [{ ...x, parameters: { binary_data_size: 16 } }] },
      /both of "data" and the parameter/,
    ],
    [
      'shared memory',
      { inputs: [{ ...x, parameters: { shared_memory_region: 'r' } }] },
      /shares no memory/,
    ],
    ['a bad flag', { inputs: [x], parameters: { binary_data_output: 1 } }, /true or false/],
    ['a bad timeout', { inputs: [x], parameters: { timeout: 'soon' } }, /microseconds/],
  ])('with %s is a 400 that says so', async (_what, body, message) => {
    const { status, error } = await errorOf(send(infer, body));
    expect(error).toMatch(message);
    expect(status).toBe(400);
  });

  it.each<[string, number[], RegExp]>([
    ['INT64', [1.5], /whole numbers from -9223372036854775808/],
    ['INT64', [1e30], /whole numbers/],
    ['BOOL', [2], /true or false/],
    ['BYTES', [1], /strings/],
  ])('with %s %j is a 400', async (datatype, data, message) => {
    const given = { INT64: [0], BOOL: [true], BYTES: [''], FP64: [0], [datatype]: data };
    const inputs = Object.entries(given).map(([name, values]) => ({
      name: `in_${name}`,
      shape: [1],
      datatype: name,
      data: values,
    }));
    const { status, error } = await errorOf(send('/v2/models/ident/infer', { inputs }));
    expect([status, error]).toEqual([400, expect.stringMatching(message)]);
  });

  it.each([
    ['99999', /"99999"; the body has/],
    ['0', /"0"; the body has/],
    ['-1', /"-1"; the body/],
    ['abc', /"abc"; the body/],
    ['1e3', /"1e3"; the body/],
    ['10', /JSON at the beginning/],
  ])('with a header length of %s is a 400', async (length, message) => {
    const { body } = binary({ inputs: [x] });
    const { status, error } = await errorOf(
      send(infer, body, { 'Inference-Header-Content-Length': length }),
    );
    expect([status, error]).toEqual([400, expect.stringMatching(message)]);
  });

  it.each<[number, number, RegExp]>([
    [16, 8, /16 bytes; 8 are left/],
    [12, 16, /12 bytes; the 4 elements of its shape have 16 as FP32/],
    [16, 20, /4 bytes more/],
    [2 ** 50, 16, /are left/],
  ])('whose %i bytes are %i is a 400', async (said, sent, message) => {
    const input = { ...x, data: undefined, parameters: { binary_data_size: said } };
    const { body, headers } = binary({ inputs: [input] }, new Uint8Array(sent));
    const { status, error } = await errorOf(send(infer, body, headers));
    expect([status, error]).toEqual([400, expect.stringMatching(message)]);
  });

  it.each<[string, string, number, RegExp]>([
    ['GET', '/v2/models/none', 404, /unknown model: 'none'/],
    ['POST', '/v2/models/none/infer', 404, /unknown model: 'none'/],
    ['POST', '/v2/models/affine/versions/7/infer', 404, /version 7 is not found/],
    ['GET', '/v2/none', 404, /Not Found/],
    ['GET', '/v2/models/%ff', 404, /Not Found/],
    ['DELETE', '/v2/models/affine', 405, /Not Allowed/],
    ['GET', '/v2/models/none/ready', 400, /not ready/],
    ['POST', '/v2/logging', 400, /not possible/],
    ['GET', '/v2/systemsharedmemory/region/r/status', 404, /'r'/],
  ])('%s %s is a %i', async (method, path, expected, message) => {
    const { status, error } = await errorOf(send(path, undefined, {}, { method }));
    expect([status, error]).toEqual([expected, expect.stringMatching(message)]);
  });
});

describe('a body that is too large', () => {
  const expected = { status: 413, error: expect.stringMatching(/100000/) };

  it('is refused by what it says', async () => {
    const headers = { 'Content-Length': '100001' };
    expect(await errorOf(send(infer, new Uint8Array(3), headers))).toEqual(expected);
  });

  it('is refused before it is read whole', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000));
      },
    });
    const endless = send(infer, '', {}, { body, duplex: 'half' } as RequestInit);
    expect(await errorOf(endless)).toEqual(expected);
    expect(sent).toBeLessThan(200_000);
  });

  it('is refused as what it decompresses to', async () => {
    const zeros = new Blob([new Uint8Array(10_000_000)]).stream();
    const packed = zeros.pipeThrough(new CompressionStream('gzip'));
    const body = new Uint8Array(await new Response(packed).arrayBuffer());
    expect(body.length).toBeLessThan(100_000);
    expect(await errorOf(send(infer, body, { 'Content-Encoding': 'gzip' }))).toEqual(expected);
  });
});

describe('a picture', () => {
  const sizes: number[] = [];

  beforeAll(async () => {
    const graph = await GraphModel.open('affine');
    const model = Object.assign(graph, {
      task: 'image-classification',
      classify: async (file: Blob | Uint8Array<ArrayBuffer>) => {
        const blob = new Blob([file]);
        sizes.push(blob.size);
        return [{ label: await blob.text(), score: 1, index: 0 }];
      },
    });
    await server.register('seer', model);
  });

  const png = { 'Content-Type': 'image/png' };
  const path = '/v2/models/seer/infer';

  it.each([
    ['whole', () => ({ body: '12345' })],
    ['as a stream', () => ({ body: new Blob(['12345']).stream(), duplex: 'half' })],
  ])('%s reaches the model', async (_how, init) => {
    const response = await send(path, '', png, init() as RequestInit);
    expect((await response.json()).result).toEqual([{ label: '12345', score: 1, index: 0 }]);
    expect(sizes.pop()).toBe(5);
  });

  it.each([
    ['whole', () => ({ body: new Uint8Array(100_001) })],
    [
      'as an endless stream',
      () => ({
        body: new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(10_000)) }),
        duplex: 'half',
      }),
    ],
  ])('that is too large does not: %s', async (_how, init) => {
    const { status } = await errorOf(send(path, '', png, init() as RequestInit));
    expect(status).toBe(413);
    expect(sizes).toEqual([]);
  });

  it('has parameters that are checked', async () => {
    const { status, error } = await errorOf(send(`${path}?top_k=0`, new Uint8Array(5), png));
    expect([status, error]).toEqual([400, expect.stringMatching(/top_k.*"0"; it takes/)]);
    const unknown = await errorOf(send(`${path}?best=3`, new Uint8Array(5), png));
    expect(unknown.error).toMatch(/"best" is unknown/);
  });
});

describe('what happens to a model', () => {
  /** A model that does what a test wants. */
  function model(answer: ServableModel['infer']): ServableModel {
    const graph = {
      inputs: [{ name: 'x', type: 'float32', shape: ['N', 4] }],
      outputs: [{ name: 'y', type: 'float32', shape: ['N', 4] }],
    };
    const info = { model: { name: 'm', version: '1', bytes: 0 } };
    return { task: 'tensor', graph, info, infer: answer, destroy: () => undefined };
  }

  const until = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });

  beforeEach(async () => {
    await server.unregister('m');
  });

  it.each([
    ['timeout', 504],
    ['queue-full', 429],
    ['worker-crashed', 503],
    ['invalid-argument', 400],
    ['model-invalid', 500],
    ['unsupported', 501],
  ] as const)('%s is a %i', async (code, expected) => {
    await server.register(
      'm',
      model(() => Promise.reject(new TabserveError(code, 'Because.'))),
    );
    const response = await send('/v2/models/m/infer', { inputs: [x] });
    expect(response.status).toBe(expected);
    expect(await response.json()).toEqual({ error: 'Because.' });
    const isLater = expected === 429 || code === 'worker-crashed';
    expect(response.headers.get('retry-after')).toBe(isLater ? '1' : null);
  });

  it.each([
    [{ 'X-Request-Timeout-Ms': '500' }, {}],
    [{}, { timeout: 500_000 }],
    [{ 'X-Request-Timeout-Ms': '500' }, { timeout: 60_000_000 }],
  ])('that is too late is a 504: %j %j', async (headers, parameters) => {
    let given: number | undefined;
    const slow = model((_tensors, { signal, timeout }) => {
      given = timeout;
      return until(signal);
    });
    await server.register('m', slow);
    const { status, error } = await errorOf(
      send('/v2/models/m/infer', { inputs: [x], parameters }, headers as Record<string, string>),
    );
    expect([status, error]).toEqual([504, expect.stringMatching(/within 500 ms/)]);
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThanOrEqual(500);
  });

  it('that nobody waits for any more is a 499', async () => {
    await server.register(
      'm',
      model((_tensors, { signal }) => until(signal)),
    );
    const gone = new AbortController();
    const asked = send('/v2/models/m/infer', { inputs: [x] }, {}, { signal: gone.signal });
    await vi.waitFor(() => expect(server.describe('m')?.inFlight).toBe(1));
    gone.abort();
    expect((await asked).status).toBe(499);
    expect(server.describe('m')?.inFlight).toBe(0);
  });

  it('is told by priorities', async () => {
    const told: string[] = [];
    await server.register(
      'm',
      model(async ({ x: y }, { priority }) => {
        told.push(priority);
        return { y: y as never };
      }),
    );
    for (const priority of [undefined, 0, 1, 2])
      await send('/v2/models/m/infer', { inputs: [x], parameters: { priority } });
    expect(told).toEqual(['normal', 'normal', 'high', 'low']);
  });
});

it('describes itself in a document that a validator takes', async () => {
  const { default: parser } = await import('@apidevtools/swagger-parser');
  const document = await (await send('/v2/openapi.json')).json();
  await expect(parser.validate(document)).resolves.toBeTruthy();
  // All that it names is answered.
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of Object.keys(operations as object)) {
      const named = path.replaceAll(/\{\w+\}/g, 'none');
      const response = await send(named, undefined, {}, { method: method.toUpperCase() });
      expect(await response.text(), `${method} ${path}`).not.toMatch(/Not Found:|Not Allowed:/);
    }
  }
});
