/**
 * Requests that other people's clients sent to the model server, each made wrong in one way, and what
 * the answer has to be. They are the same in Node and in a browser.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** A request, as it can cross to a page. */
export interface SentRequest {
  method: string;
  path: string;
  headers: [string, string][];
  /** Base64; `null` for none. */
  body: string | null;
}

/** A request that was made wrong, and its answer. */
export interface MutatedRequest {
  kind: string;
  request: SentRequest;
  /** Statuses that fit. */
  status: readonly number[];
  /** What an error says: the field, what was found, what was expected. */
  says: RegExp;
}

/** What came back. */
export interface ReceivedAnswer {
  status: number;
  allow: string | null;
  text: string;
}

type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
type Fields = Record<string, Value>;

/** A recorded inference request, taken apart. */
interface Inference {
  path: string;
  headers: Record<string, string>;
  header: Fields & { inputs: Fields[] };
  tail: Buffer;
  isBinary: boolean;
}

const lengthHeader = 'inference-header-content-length';

/** Requests that were answered, with a body that can be taken apart without losing anything. */
function recorded(): Inference[] {
  const file = join(import.meta.dirname, '../../e2e/bridge/golden/exchanges.json');
  const all = JSON.parse(readFileSync(file, 'utf8')) as {
    request: SentRequest;
    response: { status: number };
  }[];
  return all.flatMap(({ request, response }): Inference[] => {
    const { path, body } = request;
    const headers = Object.fromEntries(
      request.headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    );
    const isIts = response.status === 200 && path.endsWith('/infer') && body !== null;
    if (!isIts || headers['content-encoding']) return [];
    const bytes = Buffer.from(body, 'base64');
    const isBinary = lengthHeader in headers;
    const length = isBinary ? Number(headers[lengthHeader]) : bytes.length;
    const text = bytes.subarray(0, length).toString();
    if (/NaN|Infinity|\d{16}/.test(text)) return [];
    const { 'accept-encoding': _, ...kept } = headers;
    const tail = bytes.subarray(length);
    return [{ path, headers: kept, header: JSON.parse(text), tail, isBinary }];
  });
}

function written({ path, headers, header, tail, isBinary }: Inference): SentRequest & {
  body: string;
} {
  const json = Buffer.from(JSON.stringify(header));
  const all = { ...headers, ...(isBinary && { [lengthHeader]: String(json.length) }) };
  const body = Buffer.concat([json, tail]).toString('base64');
  return { method: 'POST', path, headers: Object.entries(all), body };
}

const withHeader = (asked: Inference, name: string, value: string): SentRequest => {
  const sent = written(asked);
  return { ...sent, headers: [...sent.headers.filter(([each]) => each !== name), [name, value]] };
};
const withFields = (asked: Inference, fields: Fields): SentRequest =>
  written({ ...asked, header: { ...asked.header, ...fields } });
const withInput = ({ header, ...rest }: Inference, index: number, fields: Fields): SentRequest => {
  const inputs = header.inputs.map((each, at) => (at === index ? { ...each, ...fields } : each));
  return written({ ...rest, header: { ...header, inputs } });
};

interface Kind {
  status: readonly number[];
  says?: RegExp;
  /** `null` where it makes no sense for this request. */
  mutate(asked: Inference, pick: <T>(list: readonly T[]) => T): SentRequest | null;
}

const words = ['', 'x'.repeat(5000), '日本語', '\u202e\u0000', '__proto__', '../..', '%', '"\n'];
const noObjects = [null, 3, 'x', [1], true];
const noText = [null, 3, true, [], {}];

const kinds: Readonly<Record<string, Kind>> = {
  'trailing slash': {
    status: [404],
    says: /Not Found: \/v2\/models\/.*openapi/,
    mutate: (asked, pick) => ({ ...written(asked), path: asked.path + pick(['/', '//', '/x']) }),
  },
  'path in capitals': {
    status: [404],
    says: /Not Found: \/V2|unknown model/,
    mutate: (asked, pick) => ({
      ...written(asked),
      path: pick([
        asked.path.toUpperCase(),
        asked.path.replace(/models\/\w+/, (part) => `models/${part.slice(7).toUpperCase()}`),
      ]),
    }),
  },
  'another method': {
    status: [405],
    says: /Method Not Allowed: \w+; this path takes POST/,
    mutate(asked, pick) {
      const method = pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'FOO']);
      const isBodiless = method === 'GET' || method === 'HEAD';
      const sent = written(asked);
      return { ...sent, method, body: isBodiless ? null : sent.body };
    },
  },
  'another model': {
    status: [404],
    says: /unknown model: '.+' is not found|Not Found: /s,
    mutate: (asked, pick) => {
      const name = pick(words.map(encodeURIComponent));
      return { ...written(asked), path: asked.path.replace(/models\/\w+/, `models/${name}`) };
    },
  },
  'another version': {
    status: [404],
    says: /version .+ is not found; there are 1/s,
    mutate: (asked, pick) => ({
      ...written(asked),
      path: asked.path.replace(
        /(models\/\w+)(\/versions\/\w+)?/,
        `$1/versions/${pick(['2', '01', '-1', '1.0', 'latest', '9'.repeat(300), '%F0%9F%98%80'])}`,
      ),
    }),
  },
  'no body': {
    status: [400],
    says: /no JSON|Inference-Header-Content-Length is "\d+"; the body has 0 bytes/,
    mutate: (asked, pick) => ({ ...written(asked), body: pick([null, '']) }),
  },
  'a body that ends early': {
    status: [400],
    says: /no JSON|no UTF-8|Content-Length|are left of the body/,
    mutate(asked, pick) {
      const sent = written(asked);
      const bytes = Buffer.from(sent.body, 'base64');
      const part = pick([0.1, 0.3, 0.5, 0.7, 0.9, 0.99]);
      return { ...sent, body: bytes.subarray(0, bytes.length * part).toString('base64') };
    },
  },
  'damaged bytes': {
    status: [200, 400],
    mutate(asked, pick) {
      const sent = written(asked);
      const bytes = Buffer.from(sent.body, 'base64');
      const place = pick([0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95]);
      bytes[Math.floor(bytes.length * place)] = pick([0, 0x22, 0x39, 0x5d, 0x7b, 0x80, 0xff]);
      return { ...sent, body: bytes.toString('base64') };
    },
  },
  'packed, but not': {
    status: [400],
    says: /is declared as (gzip|deflate)/,
    mutate: (asked, pick) =>
      withHeader(asked, 'content-encoding', pick(['gzip', 'deflate', 'GZIP'])),
  },
  'another encoding': {
    status: [501],
    says: /content encoding ".+" is not supported; use gzip or deflate/,
    mutate: (asked, pick) =>
      withHeader(asked, 'content-encoding', pick(['br', 'zstd', 'gzip, gzip', 'x'.repeat(9000)])),
  },
  'a length that lies': {
    status: [400],
    says: /Inference-Header-Content-Length is ".*"; the body has|JSON at the beginning|more than the inputs/,
    mutate: (asked, pick) =>
      withHeader(asked, lengthHeader, pick(['0', '-1', 'x', '1e3', '7', '999999', '9'.repeat(30)])),
  },
  'too many bytes': {
    status: [413],
    says: /The body has \d+ bytes; the limit is \d+/,
    mutate: (asked, pick) =>
      withHeader(asked, 'content-length', pick(['99999999999', '9'.repeat(20)])),
  },
  'a deadline that is none': {
    status: [400],
    says: /X-Request-Timeout-Ms is ".*"; it has to be/,
    mutate: (asked, pick) =>
      withHeader(asked, 'x-request-timeout-ms', pick(['soon', '0', '-1', '', '1e99', 'NaN'])),
  },
  datatype: {
    status: [400],
    says: /datatype/,
    mutate(asked, pick) {
      const { datatype } = asked.header.inputs[0] as Fields;
      const wrong = ['fp32', 'float', 'BF16', 'UINT8', 'FP16', 'constructor', ...words, ...noText];
      return withInput(asked, 0, { datatype: pick(wrong.filter((each) => each !== datatype)) });
    },
  },
  shape: {
    status: [400],
    says: /shape/,
    mutate: (asked, pick) =>
      withInput(asked, 0, {
        shape: pick<Value>([
          ...[[], [7], [-1, 4], [1.5, 4], [2 ** 40, 4], [2 ** 53, 4], [['1']], '1,4', null, {}],
          new Array(1000).fill(1),
        ]),
      }),
  },
  'input without a name that is known': {
    status: [400],
    says: /"inputs\[0\]\.name" is|has no input ".*"; its inputs are/s,
    mutate: (asked, pick) => withInput(asked, 0, { name: pick<Value>([...words, ...noText]) }),
  },
  'an input twice': {
    status: [400],
    says: /The input "\w+" is there twice/,
    mutate: (asked) => {
      const { inputs } = asked.header;
      return withFields(asked, { inputs: [...inputs, inputs[0] as Fields] });
    },
  },
  'no list of inputs': {
    status: [400],
    says: /"inputs(\[0\])?" is .+; it has to be|are? missing/,
    mutate: (asked, pick) =>
      withFields(asked, { inputs: pick<Value>([null, 3, 'x', {}, [], [null], [[]]]) }),
  },
  data: {
    status: [400],
    says: /Element 0 of|inputs\[0\]\.data" is|elements; its shape has|both of|neither of/,
    mutate(asked, pick) {
      const wrong: Value[] = [null, 'x', 3, {}, [], [{}], new Array(4).fill({}), [[[null]]]];
      return withInput(asked, 0, { data: pick(wrong) });
    },
  },
  'half of a character': {
    status: [400],
    says: /Element 0 of the input "in_BYTES" is .+; BYTES takes strings/,
    mutate({ header, ...rest }, pick) {
      const { inputs } = header;
      const at = inputs.findIndex(({ data, datatype }) => datatype === 'BYTES' && data);
      if (at < 0) return null;
      const [, ...others] = ((inputs[at] as Fields).data as Value[]).flat();
      return withInput({ header, ...rest }, at, {
        data: [pick(['\ud800', 'a\udc00b']), ...others],
      });
    },
  },
  'sizes of bytes': {
    status: [400],
    says: /binary_data_size|claims \d+ bytes|more than the inputs|elements/,
    mutate: (asked, pick) =>
      withInput(asked, 0, {
        parameters: { binary_data_size: pick<Value>([-1, 1.5, '16', null, 2 ** 44, 2 ** 60, 3]) },
      }),
  },
  'parameters of inputs': {
    status: [400],
    says: /inputs\[0\]\.parameters" is|shares no memory/,
    mutate: (asked, pick) =>
      withInput(asked, 0, {
        parameters: pick<Value>([...noObjects, { shared_memory_region: 'r' }]),
      }),
  },
  'parameters of the request': {
    status: [400],
    says: /"parameters[.\w]*" is .+; it has to be/,
    mutate: (asked, pick) =>
      withFields(asked, {
        parameters: pick<Value>([
          ...noObjects,
          ...[{ priority: -1 }, { priority: 1.5 }, { priority: 1e300 }, { priority: 'high' }],
          ...[{ timeout: -1 }, { timeout: 'x' }, { binary_data_output: 1 }],
        ]),
      }),
  },
  'parameters that mean nothing here': {
    status: [200],
    mutate: (asked, pick) =>
      withFields(asked, {
        parameters: pick<Value>([{ sequence_id: 1 }, { x: [1] }, { priority: 2 }, { timeout: 0 }]),
      }),
  },
  outputs: {
    status: [400],
    says: /"outputs(\[0\][.\w]*)?" is .+; it has to be|has no output|asked for twice|shares no memory/s,
    mutate(asked, pick) {
      const name = asked.path.includes('affine') ? 'y' : 'out_BYTES';
      return withFields(asked, {
        outputs: pick<Value>([
          ...[null, 3, {}, [null], [{}], [{ name: 3 }], [{ name: '日本' }]],
          [{ name }, { name }],
          new Array(1025).fill({ name }),
          [{ name, parameters: 3 }],
          [{ name, parameters: { classification: -1 } }],
          [{ name, parameters: { binary_data: 'yes' } }],
          [{ name, parameters: { shared_memory_region: 'r' } }],
        ]),
      });
    },
  },
  id: {
    status: [400],
    says: /"id" is .+; it has to be a string of at most/,
    mutate: (asked, pick) => withFields(asked, { id: pick<Value>([...noText, 'x'.repeat(5000)]) }),
  },
  'an unusual id': {
    status: [200],
    mutate: (asked, pick) =>
      withFields(asked, { id: pick(['', '日本語 😀', '\u0000"\\', 'a\nb']) }),
  },
  'another media type': {
    status: [200],
    mutate: (asked, pick) =>
      withHeader(asked, 'content-type', pick(['text/xml', 'image/png', ';;', 'text/plain', 'x'])),
  },
};

/**
 * Mutated requests, the same ones for the same seed. Every kind is among them.
 *
 * @param count - How many.
 */
export function mutatedRequests(count: number, seed = 1): MutatedRequest[] {
  const names = Object.keys(kinds);
  const samples = fc.sample(
    fc.tuple(fc.constantFrom(...recorded()), fc.array(fc.nat(), { minLength: 4, maxLength: 4 })),
    { numRuns: 2 * count, seed },
  );
  return samples
    .flatMap(([asked, numbers], index): MutatedRequest[] => {
      const kind = names[index % names.length] as string;
      const { status, says = /./s, mutate } = kinds[kind] as Kind;
      let at = 0;
      const request = mutate(asked, (list) => {
        const number = numbers[at++ % numbers.length] as number;
        return list[number % list.length] as (typeof list)[number];
      });
      return request ? [{ kind, request, status, says }] : [];
    })
    .slice(0, count);
}

/** What is wrong with an answer, in words; `null` for nothing. */
export function complaint(
  { kind, request, status, says }: MutatedRequest,
  answer: ReceivedAnswer,
): string | null {
  const what = `${kind}: ${request.method} ${request.path.slice(0, 80)} ${Buffer.from(
    request.body ?? '',
    'base64',
  )
    .toString()
    .slice(0, 300)} → ${answer.status} ${answer.text.slice(0, 300)}`;
  if (!status.includes(answer.status)) return `${what}; expected ${status}`;
  if (answer.status < 400) return null;
  const value = JSON.parse(answer.text) as Record<string, unknown>;
  const { error } = value;
  const isError = Object.keys(value).length === 1 && typeof error === 'string';
  if (!isError || error.length > 700) return `${what}; no error of the protocol`;
  if (answer.status === 405 && answer.allow !== 'POST') return `${what}; Allow: ${answer.allow}`;
  return says.test(error) ? null : `${what}; expected ${says}`;
}
