/**
 * A device that cannot, and real servers that can: the same requests give the same numbers there as
 * here, also while the server is killed and comes back.
 */
import type { Page } from '@playwright/test';
import type { TestServer } from '../server.js';
import type { Remote } from './remote.js';

/** Requests that are compared, in JSON and, where the server takes it, in the binary form by turns. */
const count = 60;

/** An output, in JSON or with its bytes behind it. */
interface Output {
  name: string;
  data?: number[];
  parameters?: { binary_data_size?: number } | null;
}

/** What came of some requests. */
interface Outcome {
  /** As this page's own model answers. */
  equal: number;
  /** 503, with words. */
  refused: number;
  /** Whatever else there was. */
  wrong: string[];
}

/** Registers a model that this device has not, with the remote as its fallback, and compares. */
export async function checkHybrid(page: Page, files: TestServer, remote: Remote): Promise<void> {
  const { name } = remote;
  const path = '/v2/models/affine/infer';
  files.route(`/proxy/${name}${path}`, (incoming, outgoing) =>
    remote.pass(path, incoming, outgoing),
  );
  await remote.start();
  await page.evaluate(async (name) => {
    const absent = '/graphs/absent/model.json';
    await window.server.register(
      `by-${name}`,
      (context) => window.tabserve.TensorModel.create({ ...context, model: absent }),
      {
        fallback: { url: `/proxy/${name}/v2/models/affine`, breaker: { failures: 3, pause: 300 } },
      },
    );
  }, name);

  expect(await ask(page, name, 0), { equal: count, refused: 0, wrong: [] });
  console.log(`ok    ${name}: ${count} answers are equal to the page's`);

  const meanwhile = ask(page, name, 5);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await remote.kill();
  const { equal, refused, wrong } = await meanwhile;
  expect({ all: equal + refused, wrong }, { all: count, wrong: [] });
  console.log(
    `ok    ${name} is killed: ${equal} answers before, ${refused} refusals after, none wrong`,
  );

  expect(await ask(page, name, 0), { equal: 0, refused: count, wrong: [] });
  await remote.start();
  // The breaker lets one try.
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await ask(page, name, 0), { equal: count, refused: 0, wrong: [] });
  const said = await page.evaluate(async (name) => {
    const metrics = await window.server.handle(new Request('http://page.test/metrics'));
    const line = new RegExp(
      `^tabserve_fallback_requests_total{.*by-${name}.*answered.*} (\\d+)`,
      'm',
    );
    return Number(line.exec(await metrics.text())?.[1]);
  }, name);
  expect(said, 2 * count + equal);
  console.log(`ok    ${name} is back: ${count} equal answers, and /metrics counts them`);
  await remote.kill();
}

/** @param pause - Milliseconds between requests. */
function ask(page: Page, name: string, pause: number): Promise<Outcome> {
  return page.evaluate(
    async ([name, count, pause]) => {
      const outcome: Outcome = { equal: 0, refused: 0, wrong: [] };
      const send = (model: string, round: number, numbers: Float32Array<ArrayBuffer>) => {
        const x = { name: 'x', shape: [2, 4], datatype: 'FP32' };
        const url = `http://page.test/v2/models/${model}/infer`;
        // MLServer has no binary form.
        if (round % 2 === 0 || name === 'mlserver') {
          const body = JSON.stringify({ inputs: [{ ...x, data: [...numbers] }] });
          return window.server.handle(new Request(url, { method: 'POST', body }));
        }
        const parameters = { binary_data_size: numbers.byteLength };
        const head = JSON.stringify({
          inputs: [{ ...x, parameters }],
          parameters: { binary_data_output: true },
        });
        const body = new Blob([head, numbers]);
        const headers = { 'Inference-Header-Content-Length': String(head.length) };
        return window.server.handle(new Request(url, { method: 'POST', body, headers }));
      };
      const valuesOf = async (response: Response): Promise<number[]> => {
        const bytes = await response.arrayBuffer();
        const length = Number(
          response.headers.get('Inference-Header-Content-Length') ?? bytes.byteLength,
        );
        const head = new TextDecoder().decode(bytes.slice(0, length));
        const { outputs = [] }: { outputs?: Output[] } = JSON.parse(head);
        let at = length;
        for (const { name, data, parameters } of outputs) {
          const size = parameters?.binary_data_size ?? 0;
          if (name === 'y') return data ?? [...new Float32Array(bytes.slice(at, at + size))];
          at += size;
        }
        return [];
      };
      const one = async (round: number) => {
        const numbers = Float32Array.from({ length: 8 }, () => Math.random() * 8 - 4);
        const [here, there] = await Promise.all([
          send('affine', round, numbers),
          send(`by-${name}`, round, numbers),
        ]);
        if (there.status === 503) {
          const { error } = await there.json();
          if (String(error).length > 20) outcome.refused += 1;
          else outcome.wrong.push(`503 without words: ${error}`);
          return;
        }
        if (there.headers.get('X-Tabserve-Served-By') !== 'fallback; unavailable') {
          outcome.wrong.push(`${there.status} ${await there.text()}`.slice(0, 200));
          return;
        }
        const [expected, found] = await Promise.all([valuesOf(here), valuesOf(there)]);
        const isEqual =
          found.length === 6 &&
          found.every((value, index) => Math.abs(value - (expected[index] ?? NaN)) <= 1e-6);
        if (isEqual) outcome.equal += 1;
        else outcome.wrong.push(`${there.status}: ${found} instead of ${expected}`);
      };
      const all: Promise<void>[] = [];
      for (let round = 0; round < count; round++) {
        const asked = one(round);
        all.push(asked);
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        // One at a time, so that a breaker that is half open has its try.
        else await asked;
      }
      await Promise.all(all);
      return outcome;
    },
    [name, count, pause] as const,
  );
}

function expect(found: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${one}; expected was ${other}`);
}
