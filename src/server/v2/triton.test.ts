/**
 * What the real Triton was asked and answered, and what is answered here: the same class of status and
 * the same form of body, but for the differences that are listed, each with its reason.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { GraphModel } from '../../testing/graph-model.js';
import { ModelServer } from '../model-server.js';

const file = join(import.meta.dirname, '../../../../shared/v2/transcripts/triton-2.51.0.json');
const isThere = existsSync(file);

type Body = { text: string } | { b64: string } | { text_head: string; bytes: number } | null;
interface Exchange {
  label: string;
  request: { method: string; path: string; headers: [string, string][]; body: Body };
  response: { status: number; headers: [string, string][]; body: Body; decoded?: Body };
}

const clientsFault = "a wrong request is the client's fault: 400, and Triton says 500";
const json = 'KServe’s client reads JSON where Triton has an empty body';

/** Where the answers differ: the class of the status or the form of the body here, and why. */
const differences: Readonly<Record<string, readonly [here: string, why: string]>> = {
  'GET /v2/health/live': ['2xx object live', json],
  'GET /v2/health/ready': ['2xx object ready', json],
  'GET /v2/models/affine/ready': ['2xx object name,ready', json],
  'GET /v2/models/affine/versions/1/ready': ['2xx object name,ready', json],
  'ready after load': ['2xx object name,ready', json],
  'ready after bad config': ['2xx object name,ready', json],
  'HEAD live': ['4xx object error', 'a refusal says why; what carries it leaves that out'],
  'infer shape/data mismatch': ['4xx object error', clientsFault],
  'infer negative shape': ['4xx object error', clientsFault],
  'infer inputs missing': ['4xx object error', clientsFault],
  'infer strings as FP32': ['4xx object error', clientsFault],
  'infer nulls': ['4xx object error', clientsFault],
  'infer bad json': ['4xx object error', clientsFault],
  'infer json array': ['4xx object error', clientsFault],
  'infer not utf-8': ['4xx object error', clientsFault],
  'bools as FP32': ['4xx object error', clientsFault],
  'floats as INT64': ['4xx object error', clientsFault],
  'ident binary, not utf-8': ['4xx object error', clientsFault],
  'ident binary': ['4xx object error', 'the engine ends a text at U+0000: it is refused, not cut'],
  'load, bad config': ['4xx object error', clientsFault],
  'load unknown': ['4xx object error', 'a model that is not there is 404, as everywhere else'],
  'unload unknown': ['4xx object error', 'a model that is not there is 404, as everywhere else'],
  'infer empty body': ['4xx object error', 'Triton makes a request without rows of it'],
  'infer bad gzip': ['4xx object error', 'Triton makes a request without rows of it'],
  'after use: GET /v2/trace/setting': ['2xx object trace_level', 'nothing else can be set'],
  'after use: GET /v2/models/affine/trace/setting': [
    '2xx object trace_level',
    'nothing else can be set',
  ],
  'after use: GET /v2/logging': [
    '2xx object log_error,log_info,log_verbose_level,log_warning',
    'there is no file of a log',
  ],
  metrics: ['2xx text', 'Triton has metrics at another port'],
};

/** Keys of a model's configuration that mean nothing here. */
const config = /^2xx object backend,.*$/;

/** Bodies that the recording left out. */
const large: Readonly<Record<string, () => object>> = {
  'infer 8 MB json': () => tensor(400_000, 1.25),
  'infer accept gzip, large': () => tensor(500, 1),
  'infer accept deflate, large': () => tensor(500, 1),
};

function tensor(rows: number, value: number): object {
  const data = new Array(rows * 4).fill(value);
  return { inputs: [{ name: 'x', shape: [rows, 4], datatype: 'FP32', data }] };
}

function bytesOf(label: string, body: Body): Uint8Array<ArrayBuffer> | null {
  if (!body) return null;
  if ('b64' in body) return new Uint8Array(Buffer.from(body.b64, 'base64'));
  const text = 'text' in body ? body.text : JSON.stringify(large[label]?.());
  return new Uint8Array(new TextEncoder().encode(text));
}

/** The status's class, and what of the body a client's code depends on. */
function formOf(status: number, bytes: Uint8Array, headerLength: string | null): string {
  const group = `${String(status)[0]}xx`;
  if (bytes.length === 0) return `${group} none`;
  const length = headerLength === null ? bytes.length : Number(headerLength);
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  const readable = text.replaceAll(/\bNaN\b/g, 'null');
  let value: unknown;
  try {
    value = JSON.parse(readable);
  } catch {
    return `${group} text`;
  }
  const form = Array.isArray(value) ? 'list' : `object ${Object.keys(value as object).sort()}`;
  return `${group} ${form}${length < bytes.length ? ' and tensors' : ''}`;
}

describe.skipIf(!isThere)('Triton, replayed (needs ../shared/v2)', () => {
  const exchanges = isThere ? (JSON.parse(readFileSync(file, 'utf8')) as Exchange[]) : [];
  const server = new ModelServer();

  beforeAll(async () => {
    await server.register('affine', () => GraphModel.open('affine'));
    await server.register('ident', () => GraphModel.open('ident'));
    for (const name of ['cold', 'notready']) {
      await server.register(name, () => GraphModel.open('affine'), { load: 'on-demand' });
      await server.unload(name);
    }
  });

  it('is known', () => expect(exchanges).toHaveLength(118));

  it.each(exchanges.map((each) => [each.label, each] as const))('%s', async (label, exchange) => {
    const { method, path, headers, body } = exchange.request;
    const sent = bytesOf(label, body);
    const answer = await server.handle(
      new Request(`http://page.test${path}`, { method, headers, ...(sent && { body: sent }) }),
    );
    let received = new Uint8Array(await answer.arrayBuffer());
    const encoding = answer.headers.get('content-encoding');
    if (encoding) {
      const stream = new Blob([received]).stream();
      const decoded = stream.pipeThrough(new DecompressionStream(encoding as 'gzip'));
      received = new Uint8Array(await new Response(decoded).arrayBuffer());
    }
    const here = formOf(
      answer.status,
      received,
      answer.headers.get('inference-header-content-length'),
    );
    const { response } = exchange;
    const theirHeaders = Object.fromEntries(response.headers);
    expect(encoding ?? undefined, 'content-encoding').toBe(theirHeaders['content-encoding']);
    const theirs = theirForm(response, theirHeaders);
    const listed = differences[label];
    if (listed) {
      expect(here, listed[1]).toBe(listed[0]);
      // A difference that is none any more has to go.
      expect(theirs).not.toBe(here);
    } else if (theirs !== null && !config.test(theirs)) {
      expect(here).toBe(theirs);
    } else {
      expect(here.slice(0, 3)).toBe(String(response.status)[0]?.padEnd(3, 'x'));
    }
  });
});

/** `null` where the recording has not enough of the body. */
function theirForm(
  { status, body, decoded }: Exchange['response'],
  headers: Record<string, string>,
): string | null {
  let kept = decoded ?? body;
  if (headers['content-encoding'] === 'deflate') return null;
  if (kept && 'text_head' in kept) {
    // Its keys are at the beginning, and nothing but elements is cut off.
    if (status !== 200) return null;
    kept = { text: '{"model_name":"","model_version":"","outputs":[]}' };
  }
  const bytes = kept ? bytesOf('', kept) : new Uint8Array(0);
  return formOf(
    status,
    bytes ?? new Uint8Array(0),
    headers['inference-header-content-length'] ?? null,
  );
}
