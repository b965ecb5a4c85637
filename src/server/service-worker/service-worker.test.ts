/** A service worker and its pages, by real message channels: pages that serve, hang, go and come. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBody } from '../http/body.js';
import { holdFor } from './holder.js';

interface Page {
  id: string;
  postMessage(message: unknown, transfer: MessagePort[]): void;
}

/** The pages that there are, and the channels on which they listen. */
let pages: (Page & { container: EventTarget })[];
const ports: MessagePort[] = [];

function addPage(id: string) {
  const container = new EventTarget();
  const page = {
    id,
    container,
    postMessage(message: unknown, transfer: MessagePort[]) {
      // Through a channel, so that what cannot be cloned shows.
      const { port1, port2 } = new MessageChannel();
      ports.push(port1, port2);
      port1.onmessage = ({ data, ports: given }) =>
        container.dispatchEvent(
          Object.assign(new Event('message'), { data, ports: [...transfer, ...given] }),
        );
      ports.push(...transfer);
      port2.postMessage(message);
    },
  };
  pages.push(page);
  return page;
}

function serve(page: { container: EventTarget }, handle: (request: Request) => Promise<Response>) {
  return holdFor(handle, page.container);
}

async function fetchBy(
  path: string,
  init: RequestInit = {},
  options: { patience?: number; maxBodyBytes?: number; paths?: string[] } = {},
): Promise<Response | undefined> {
  const { respond } = await import('./respond.js');
  let answer: Promise<Response> | undefined;
  const request = new Request(new URL(path, 'https://page/'), init);
  const respondWith = (response: Response | Promise<Response>) => {
    answer = Promise.resolve(response);
  };
  const isIts = respond({ request, respondWith }, options);
  expect(isIts).toBe(answer !== undefined);
  return answer;
}

beforeEach(() => {
  vi.resetModules();
  pages = [];
  vi.stubGlobal('location', new URL('https://page/sw.js'));
  vi.stubGlobal('clients', {
    get: async (id: string) => pages.find((page) => page.id === id),
    matchAll: async () => [...pages],
  });
});
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
  vi.unstubAllGlobals();
});

describe('a request to the model server', () => {
  it('is answered by the page that serves, with all that it says', async () => {
    addPage('other');
    const asked: Request[] = [];
    serve(addPage('server'), async (request) => {
      asked.push(request);
      const body = await readBody(request, 9);
      return new Response(body.reverse(), { status: 207, headers: { 'x-own': 'yes' } });
    });
    const response = await fetchBy('/v2/models/a/infer?b=c', {
      method: 'POST',
      body: Uint8Array.of(1, 2, 3),
      headers: { 'content-type': 'application/octet-stream', 'x-id': '7' },
    });
    expect([response?.status, response?.headers.get('x-own')]).toEqual([207, 'yes']);
    expect([...new Uint8Array(await (response as Response).arrayBuffer())]).toEqual([3, 2, 1]);
    expect(asked[0]?.url).toBe('https://page/v2/models/a/infer?b=c');
    expect(asked[0]?.method).toBe('POST');
    expect(asked[0]?.headers.get('x-id')).toBe('7');
    const get = await fetchBy('/v2', { method: 'GET' });
    expect(get?.status).toBe(207);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['/v2', true],
    ['/v2/models', true],
    ['/v20', false],
    ['/v1/chat', true],
    ['/v1', false],
    ['/predict', true],
    ['/predictions', false],
    ['/index.html', false],
    ['https://elsewhere/v2/models', false],
  ])('is known by its path: %s %s', async (path, isIts) => {
    serve(addPage('server'), async () => new Response('ok'));
    expect((await fetchBy(path)) !== undefined).toBe(isIts);
  });

  it('is looked for under other paths where the worker says so', async () => {
    serve(addPage('server'), async () => new Response('ok'));
    expect(await fetchBy('/v2', {}, { paths: ['/models-here/'] })).toBeUndefined();
    expect((await fetchBy('/models-here/v2', {}, { paths: ['/models-here/'] }))?.status).toBe(200);
  });

  it('waits for a page that is still loading', async () => {
    const answer = fetchBy('/ping');
    await new Promise((resolve) => setTimeout(resolve, 50));
    serve(addPage('late'), async () => new Response('pong'));
    expect(await (await answer)?.text()).toBe('pong');
  });

  it('is refused where no page serves, also one that is silent', async () => {
    addPage('silent');
    const response = await fetchBy('/ping', {}, { patience: 1 });
    expect(response?.status).toBe(503);
    expect(response?.headers.get('retry-after')).toBe('1');
    expect(await response?.text()).toMatch(/No page of this origin serves models/);
  });

  it('goes to another page when the first one is gone', async () => {
    const first = addPage('first');
    const stop = serve(first, async () => new Response('first'));
    expect(await (await fetchBy('/ping'))?.text()).toBe('first');
    pages.splice(0);
    stop();
    serve(addPage('second'), async () => new Response('second'));
    expect(await (await fetchBy('/ping'))?.text()).toBe('second');
  });

  it('is asked again elsewhere when its page goes in the middle', async () => {
    const first = addPage('first');
    serve(first, () => {
      pages.splice(pages.indexOf(first), 1);
      serve(addPage('second'), async () => new Response('second'));
      return new Promise(() => undefined);
    });
    expect(await (await fetchBy('/ping'))?.text()).toBe('second');
  });

  it('is given up at the page when nobody waits any more', async () => {
    let gone: AbortSignal | undefined;
    serve(addPage('server'), (request) => {
      gone = request.signal;
      return new Promise((_, reject) =>
        request.signal.addEventListener('abort', () => reject(request.signal.reason)),
      );
    });
    const controller = new AbortController();
    const answer = fetchBy('/ping', { signal: controller.signal });
    await vi.waitFor(() => expect(gone).toBeDefined());
    controller.abort();
    expect((await answer)?.status).toBe(499);
    await vi.waitFor(() => expect(gone?.aborted).toBe(true));
  });

  it('with too large a body is refused before any page has it', async () => {
    const handle = vi.fn(async () => new Response('ok'));
    serve(addPage('server'), handle);
    const init = { method: 'POST', body: new Uint8Array(100) };
    expect((await fetchBy('/v2', init, { maxBodyBytes: 99 }))?.status).toBe(413);
    expect(handle).not.toHaveBeenCalled();
  });

  it('that the page cannot read is an error, not silence', async () => {
    serve(addPage('server'), async () => {
      throw new Error('It broke.');
    });
    expect((await fetchBy('/v2'))?.status).toBe(400);
  });
});

describe('the page', () => {
  it('answers nobody who is not welcome, and nothing that is no question', async () => {
    const container = new EventTarget();
    const handle = vi.fn(async () => new Response('ok'));
    const started = vi.fn();
    const stop = holdFor(
      handle,
      Object.assign(container, { startMessages: started }),
      (event) => (event.data as { from?: string }).from === 'friend',
    );
    expect(started).toHaveBeenCalledTimes(1);
    const ask = async (data: unknown, withPort = true) => {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1, port2);
      const answered = new Promise((resolve) => {
        port1.onmessage = ({ data: answer }) => resolve(answer.kind);
      });
      const event = Object.assign(new Event('message'), { data, ports: withPort ? [port2] : [] });
      container.dispatchEvent(event);
      return Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 30, 'silence'))]);
    };
    expect(await ask({ tabserve: 'who', from: 'friend' })).toBe('holder');
    expect(await ask({ tabserve: 'who', from: 'stranger' })).toBe('silence');
    expect(await ask({ tabserve: 'what', from: 'friend' })).toBe('silence');
    expect(await ask(null)).toBe('silence');
    expect(await ask({ tabserve: 'who', from: 'friend' }, false)).toBe('silence');
    stop();
    expect(await ask({ tabserve: 'who', from: 'friend' })).toBe('silence');
    expect(handle).not.toHaveBeenCalled();
  });
});
