/** A page asks the model server in a frame, by real message channels. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBody } from '../http/body.js';
import { checkOrigin, fetchFromFrame } from './frames.js';
import { holdFor } from './holder.js';

const own = 'https://page.example';
const origin = 'https://frame.example';

/** Ports that the frame was given. */
const given: MessagePort[] = [];
/** How many of them whoever asked has closed. */
let closed = 0;
/** A frame's window: messages for another origin are not delivered. */
class Frame extends EventTarget {
  asked = 0;

  postMessage(
    data: unknown,
    { targetOrigin, transfer }: { targetOrigin: string; transfer: Transferable[] },
  ): void {
    this.asked += 1;
    const ports = transfer as MessagePort[];
    given.push(...ports);
    for (const port of ports) port.addEventListener('close', () => (closed += 1));
    if (targetOrigin !== origin) return;
    this.dispatchEvent(Object.assign(new Event('message'), { data, ports, origin: own }));
  }
}

let frame: Frame;
const stops: (() => void)[] = [];
const serve = (
  handle: (request: Request) => Promise<Response>,
  isWelcome: (event: MessageEvent) => boolean = ({ origin }) => origin === own,
) => stops.push(holdFor(handle, frame, isWelcome));
const echo = async (request: Request) => {
  const bytes = await readBody(request, 100);
  const text = new TextDecoder().decode(bytes);
  const { method, url } = request;
  return Response.json({ method, url, kind: request.headers.get('x-kind'), text });
};

beforeEach(() => {
  frame = new Frame();
  vi.stubGlobal('location', new URL(own));
});
afterEach(async () => {
  vi.useRealTimers();
  await vi.waitFor(() => expect(closed).toBe(given.length));
  closed = given.length = 0;
  for (const stop of stops.splice(0)) stop();
  vi.unstubAllGlobals();
});

describe('a request to a frame', () => {
  it('arrives as it is, and so does its answer', async () => {
    serve(echo);
    const response = await fetchFromFrame(frame, `${origin}/`, '/v2/models/a/infer', {
      method: 'POST',
      headers: { 'x-kind': 'mine' },
      body: 'text',
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      method: 'POST',
      url: `${origin}/v2/models/a/infer`,
      kind: 'mine',
      text: 'text',
    });
    const request = new Request(`${origin}/v2`);
    expect(await (await fetchFromFrame(frame, origin, request)).json()).toMatchObject({
      method: 'GET',
      url: `${origin}/v2`,
      text: '',
    });
    // Once each.
    expect(frame.asked).toBe(2);
  });

  it('waits for a server that comes later', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    const asking = fetchFromFrame(frame, origin, '/v2', { patience: 1000 });
    vi.advanceTimersByTime(399);
    expect(frame.asked).toBe(2);
    serve(echo);
    vi.advanceTimersByTime(1);
    expect((await asking).status).toBe(200);
    expect(frame.asked).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that nobody answers ends in time, and says what is missing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
    serve(echo, () => false);
    const asking = fetchFromFrame(frame, origin, '/v2', { patience: 500 });
    const refused = expect(asking).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining(`serveFrames() with the origin ${own}`),
    });
    vi.advanceTimersByTime(499);
    await Promise.resolve();
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    await refused;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with its signal, before anybody answers and after', async () => {
    const aborted = AbortSignal.abort('no');
    await expect(fetchFromFrame(frame, origin, '/v2', { signal: aborted })).rejects.toBe('no');
    expect(frame.asked).toBe(0);
    const early = new AbortController();
    const first = fetchFromFrame(frame, origin, '/v2', { signal: early.signal });
    // A request's body is read first.
    await vi.waitFor(() => expect(frame.asked).toBe(1));
    early.abort('early');
    await expect(first).rejects.toBe('early');
    const heard: AbortSignal[] = [];
    serve(({ signal }) => {
      heard.push(signal);
      return new Promise(() => undefined);
    });
    const late = new AbortController();
    const second = fetchFromFrame(frame, origin, '/v2', { signal: late.signal });
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    late.abort('late');
    await expect(second).rejects.toBe('late');
    await vi.waitFor(() => expect(heard[0]?.aborted).toBe(true));
  });
});

describe('an origin', () => {
  it.each([
    ['https://shop.example', 'https://shop.example'],
    ['https://Shop.example:443/', 'https://shop.example'],
    ['http://localhost:4173', 'http://localhost:4173'],
  ])('%s is %s', (written, is) => {
    expect(checkOrigin(written)).toBe(is);
  });

  it.each([
    '*',
    'shop.example',
    'https://shop.example/path',
    'https://shop.example/?a',
    'https://shop.example/#a',
    'data:,',
    'null',
    '',
  ])('%s is none', (written) => {
    expect(() => checkOrigin(written)).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});
