/** Downloads from a server that misbehaves, without a store. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { download } from './download.js';
import { obtain } from './obtain.js';

const file = Uint8Array.from({ length: 400_000 }, (_, at) => (at * at) % 251);
const sha256 = createHash('sha256').update(file).digest('hex');
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let handler: Handler;
let requests: { range: string | undefined; cache: string | undefined }[] = [];
let url = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    const { range, 'cache-control': cache } = request.headers;
    requests.push({ range, cache });
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.onnx`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
});

const whole: Handler = (_request, response) => {
  response.writeHead(200, { 'Content-Length': file.length }).end(file);
};
const options = () => ({ signal: new AbortController().signal, stallTimeout: 300 });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );

describe('a download', () => {
  it('gives all bytes, and says how many have come', async () => {
    handler = whole;
    const heard: number[][] = [];
    const onProgress = (...numbers: number[]) => void heard.push(numbers);
    const bytes = await download(url, { ...options(), onProgress, expected: { sha256 } });
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(heard[0]).toEqual([0, file.length, 0]);
    expect(heard.at(-1)).toEqual([file.length, file.length, 0]);
    const loaded = heard.map(([each]) => each);
    expect(loaded).toEqual([...loaded].sort((a = 0, b = 0) => a - b));
  });

  it('says that the size is not known where nobody names it, until the end', async () => {
    handler = (_request, response) => {
      response.writeHead(200);
      response.write(file.subarray(0, 10));
      response.end(file.subarray(10));
    };
    const totals: unknown[] = [];
    const onProgress = (_loaded: number, total: number) => void totals.push(total);
    await download(url, { ...options(), onProgress, expected: {} });
    expect(totals[0]).toBe(Number.POSITIVE_INFINITY);
    expect(totals.at(-1)).toBe(file.length);
  });

  it('asks for the rest of one that broke off', async () => {
    handler = (request, response) => {
      const { range } = request.headers;
      if (!range) {
        response.writeHead(200, { 'Content-Length': file.length, ETag: '"one"' });
        response.write(file.subarray(0, 300_000), () => response.destroy());
        return;
      }
      const from = Number(/bytes=(\d+)-/.exec(range)?.[1]);
      response
        .writeHead(206, {
          'Content-Range': `bytes ${from}-${file.length - 1}/${file.length}`,
          'Content-Length': file.length - from,
        })
        .end(file.subarray(from));
    };
    const bytes = await download(url, { ...options(), expected: { sha256 } });
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(requests).toHaveLength(2);
    expect(requests[1]?.range).toMatch(/^bytes=\d+-$/);
  });

  it('begins anew where the server has no ranges', async () => {
    let times = 0;
    handler = (request, response) => {
      times += 1;
      if (times > 1) return whole(request, response);
      response.writeHead(200, { 'Content-Length': file.length });
      response.write(file.subarray(0, 300_000), () => response.destroy());
    };
    const bytes = await download(url, { ...options(), expected: { sha256 } });
    expect(Buffer.compare(bytes, file)).toBe(0);
  });

  it('asks a silent server again, and gives up in the end', async () => {
    let times = 0;
    handler = (request, response) => {
      times += 1;
      if (times > 1) whole(request, response);
    };
    const bytes = await download(url, { ...options(), expected: { sha256 } });
    expect(bytes).toHaveLength(file.length);
    expect(times).toBe(2);
  });

  it.each<[string, Handler, string]>([
    ['HTTP 404', (_request, response) => response.writeHead(404).end(), 'model-not-found'],
    ['HTTP 410', (_request, response) => response.writeHead(410).end(), 'model-not-found'],
    ['HTTP 403', (_request, response) => response.writeHead(403).end(), 'network'],
    [
      'other bytes',
      (_request, response) => response.end(Buffer.from(file).fill(1, 5, 6)),
      'integrity',
    ],
    [
      'more bytes than there should be',
      (_request, response) => response.end(Buffer.concat([file, file])),
      'integrity',
    ],
  ])('says what is wrong with %s', async (_name, answer, code) => {
    handler = answer;
    const expected = { sha256, bytes: file.length };
    expect(await failure(download(url, { ...options(), expected }))).toBe(code);
  });

  it('takes wrong bytes for a cache’s fault once', async () => {
    let times = 0;
    handler = (request, response) => {
      times += 1;
      if (times === 1) response.end(Buffer.from(file).fill(1, 5, 6));
      else whole(request, response);
    };
    const bytes = await download(url, { ...options(), expected: { sha256 } });
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(times).toBe(2);
  });

  it('ends when nobody wants it any more', async () => {
    handler = (_request, response) => void response.writeHead(200).write(file.subarray(0, 100));
    const controller = new AbortController();
    const ended = download(url, { signal: controller.signal }).catch((error: unknown) => error);
    setTimeout(() => controller.abort('enough'), 50);
    expect(await ended).toBe('enough');
  });

  it('of a file of the user’s reads and verifies it', async () => {
    const blob = new Blob([file]);
    const bytes = await download(blob, { ...options(), expected: { sha256 } });
    expect(Buffer.compare(bytes, file)).toBe(0);
    const wrong = download(blob, { ...options(), expected: { sha256: sha256.replace(/^./, 'x') } });
    expect(await failure(wrong)).toBe('integrity');
    const short = download(blob, { ...options(), expected: { bytes: 3 } });
    expect(await failure(short)).toBe('integrity');
  });
});

describe('where there is no store', () => {
  it('a file is fetched once for all who ask at a time, and says that it is not kept', async () => {
    handler = whole;
    const ask = () => obtain(url, { ...options(), expected: { sha256 } });
    const [one, two] = await Promise.all([ask(), ask()]);
    expect(one.bytes).toBe(two.bytes);
    expect(one).toMatchObject({ from: 'network', sha256 });
    expect(one.fallbacks.map(({ to }) => to)).toEqual(['cache', 'memory']);
    expect(requests).toHaveLength(1);
  });

  it('who gives up does not take it from the others', async () => {
    handler = (request, response) => void setTimeout(() => whole(request, response), 60);
    const controller = new AbortController();
    const gone = obtain(url, { signal: controller.signal, expected: { sha256 } });
    const kept = obtain(url, { ...options(), expected: { sha256 } });
    setTimeout(() => controller.abort('enough'), 20);
    await expect(gone).rejects.toBe('enough');
    expect((await kept).bytes).toHaveLength(file.length);
  });

  it('a file of the user’s is from there', async () => {
    expect(await obtain(new Blob([file]), options())).toMatchObject({ from: 'file' });
  });
});
