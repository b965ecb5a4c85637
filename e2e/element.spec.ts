/** `<tabserve-classifier>` as page authors write it. */
import type { Page } from '@playwright/test';
import { expect, sevenUrl, test } from './embedding.js';
import { meanColour, serveModel } from './models.js';
import type { TestServer } from './server.js';

const script = '<script src="/dist/tabserve.global.js"></script>';

/** A picture of one colour. */
const plain = (colour: string) =>
  `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="${colour}"/></svg>`)}`;

let pages = 0;

/** Opens a page with this body, and collects its elements' events in `window.events`. */
async function show(page: Page, server: TestServer, body: string, before = ''): Promise<void> {
  const path = `/element-${pages++}.html`;
  server.route(
    path,
    `<!doctype html><title>t</title>${before}
     <script>
       window.events = [];
       for (const type of ['load', 'progress', 'result', 'error']) {
         // They do not bubble, and a "load" never reaches the window.
         document.addEventListener(type, (event) => {
           if (event.target.localName !== 'tabserve-classifier') return;
           const { error, detail } = event;
           events.push({ type, id: event.target.id, code: error?.code, message: error?.message, detail });
         }, true);
       }
     </script>
     ${body}`,
  );
  await page.goto(server.origin + path);
}

interface Recorded {
  type: string;
  id: string;
  code?: string;
  message?: string;
  detail?: { label: string }[];
}

const events = (page: Page): Promise<Recorded[]> =>
  page.evaluate(() => (window as unknown as { events: Recorded[] }).events);

const lines = (page: Page, selector = 'tabserve-classifier') =>
  page.locator(`${selector} >> [part~="result"]`);

test.beforeEach(({ server }) => {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
});

const mean = 'model="/mean/model.json" device="wasm"';

test('names what an image shows, with an embedded model', async ({ page, server }) => {
  await show(
    page,
    server,
    `${script}<img id="photo" src="${sevenUrl}"><tabserve-classifier for="photo" model="digits" top-k="3"></tabserve-classifier>`,
  );
  await expect(lines(page)).toHaveCount(3);
  await expect(lines(page).first()).toContainText(/^7\d/);
  const types = (await events(page)).map(({ type }) => type);
  expect(types[0]).toBe('progress');
  expect(types.filter((type) => type !== 'progress')).toEqual(['load', 'result']);
  expect(await page.locator('tabserve-classifier').ariaSnapshot()).toMatch(/list:\s+- listitem: 7/);
});

for (const [name, html] of [
  ['script first', (element: string) => script + element],
  ['script last', (element: string) => element + script],
  [
    'module, script last',
    (element: string) => `${element}<script type="module">import '/dist/element.js';</script>`,
  ],
] as const) {
  test(`src, and the order does not matter: ${name}`, async ({ page, server }) => {
    const element = `<tabserve-classifier ${mean} src="${plain('blue')}"></tabserve-classifier>`;
    await show(page, server, html(element));
    await expect(lines(page).first()).toHaveText('blue100%');
  });
}

test('the named element may come after', async ({ page, server }) => {
  const image = `<img id="late" src="${plain('lime')}">`;
  await show(
    page,
    server,
    `${script}<tabserve-classifier ${mean} for="late"></tabserve-classifier>${image}`,
  );
  await expect(lines(page).first()).toHaveText('green100%');
});

test('a slotted image, put there later', async ({ page, server }) => {
  await show(page, server, `${script}<tabserve-classifier ${mean}></tabserve-classifier>`);
  await page.evaluate((src) => {
    const image = new Image();
    image.src = src;
    document.querySelector('tabserve-classifier')?.append(image);
  }, plain('red'));
  await expect(lines(page).first()).toHaveText('red100%');
});

test('properties mirror attributes, and a change answers anew', async ({ page, server }) => {
  await show(
    page,
    server,
    `${script}<img id="photo" src="${plain('red')}"><tabserve-classifier ${mean} for="photo"></tabserve-classifier>`,
  );
  await expect(lines(page)).toHaveCount(3);
  const before = await page.evaluate(() => {
    const element = document.querySelector('tabserve-classifier') as HTMLElement & {
      topK: number;
      threshold: number;
      htmlFor: string;
      lazy: boolean;
      model: string;
    };
    const { topK, threshold, htmlFor, lazy, model } = element;
    element.topK = 1;
    return { topK, threshold, htmlFor, lazy, model, attribute: element.getAttribute('top-k') };
  });
  expect(before).toEqual({
    topK: 5,
    threshold: 0,
    htmlFor: 'photo',
    lazy: false,
    model: '/mean/model.json',
    attribute: '1',
  });
  await expect(lines(page)).toHaveCount(1);
  await page.evaluate((src) => {
    const image = document.querySelector('img') as HTMLImageElement;
    image.src = src;
  }, plain('blue'));
  await expect(lines(page).first()).toHaveText('blue100%');
  await page.evaluate(() =>
    document.querySelector('tabserve-classifier')?.setAttribute('threshold', '2'),
  );
  await expect
    .poll(async () => (await events(page)).at(-1))
    .toMatchObject({
      type: 'error',
      code: 'invalid-argument',
      message: expect.stringContaining('"threshold" is 2'),
    });
});

test('several share one worker and one model; the last one to go ends it', async ({
  page,
  server,
}) => {
  server.requests.length = 0;
  const elements = ['red', 'lime', 'blue']
    .map((colour) => `<tabserve-classifier ${mean} src="${plain(colour)}"></tabserve-classifier>`)
    .join('');
  await show(page, server, script + elements);
  await expect(lines(page)).toHaveCount(9);
  expect(page.workers()).toHaveLength(1);
  expect(server.requests.filter((path) => path === '/mean/mean.onnx')).toHaveLength(1);
  await page.evaluate(() => {
    // One is only moved.
    const [first, ...others] = document.querySelectorAll('tabserve-classifier');
    for (const other of others) other.remove();
    if (first) document.body.prepend(first);
  });
  await page.waitForTimeout(200);
  expect(page.workers()).toHaveLength(1);
  await page.evaluate(() => document.querySelector('tabserve-classifier')?.remove());
  await expect.poll(() => page.workers().length).toBe(0);
});

test('a lazy one downloads nothing before it is seen', async ({ page, server }) => {
  server.requests.length = 0;
  await show(
    page,
    server,
    `${script}<div style="height: 5000px"></div><tabserve-classifier lazy ${mean} src="${plain('blue')}"></tabserve-classifier>`,
  );
  await page.waitForTimeout(500);
  expect(server.requests.filter((path) => /wasm$|onnx$|worker/.test(path))).toEqual([]);
  expect(page.workers()).toEqual([]);
  await page.evaluate(() => scrollTo(0, 5000));
  await expect(lines(page).first()).toHaveText('blue100%');
});

test('a video is followed', async ({ page, server }) => {
  await show(
    page,
    server,
    `${script}<video id="film" muted></video><tabserve-classifier ${mean} for="film" top-k="1"></tabserve-classifier>`,
  );
  await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 64;
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    let drawn = 0;
    setInterval(() => {
      context.fillStyle = Math.floor(drawn++ / 25) % 2 ? 'red' : 'blue';
      context.fillRect(0, 0, 64, 64);
    }, 40);
    const video = document.querySelector('video') as HTMLVideoElement;
    video.srcObject = canvas.captureStream(25);
    await video.play();
  });
  await expect(lines(page).first()).toContainText('red');
  await expect(lines(page).first()).toContainText('blue');
  await expect(lines(page).first()).toContainText('red');
});

test('a canvas is classified again when asked', async ({ page, server }) => {
  await show(
    page,
    server,
    `<canvas id="c" width="64" height="64"></canvas><tabserve-classifier ${mean} for="c" top-k="1"></tabserve-classifier>${script}`,
  );
  await expect(lines(page)).toHaveCount(1);
  await page.evaluate(() => {
    const context = document.querySelector('canvas')?.getContext('2d');
    if (context) context.fillStyle = 'blue';
    context?.fillRect(0, 0, 64, 64);
    (
      document.querySelector('tabserve-classifier') as HTMLElement & { classify(): void }
    ).classify();
  });
  await expect(lines(page).first()).toHaveText('blue100%');
});

test.describe('errors', () => {
  const cases: [string, string, string, RegExp][] = [
    ['a broken src', 'src="/no/such/picture.png"', 'network', /no\/such\/picture\.png/],
    ['a broken image', 'for="broken"', 'image-undecodable', /no\/such\/image\.png/],
    ['no such id', 'for="nobody"', 'invalid-argument', /for="nobody"> names no element/],
    ['not a picture', 'for="text"', 'invalid-argument', /names a <p>/],
    ['no such model', `src="${plain('red')}" model="nonesuch"`, 'model-not-found', /nonesuch/],
    ['a wrong device', `src="${plain('red')}" device="npu"`, 'invalid-argument', /npu/],
    ['a wrong number', `src="${plain('red')}" top-k="many"`, 'invalid-argument', /topK/],
  ];
  for (const [name, attributes, code, says] of cases) {
    test(name, async ({ page, server }) => {
      const logged: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') logged.push(message.text());
      });
      const model = attributes.includes('model=') ? '' : 'model="/mean/model.json"';
      await show(
        page,
        server,
        `<p id="text"></p><img id="broken" src="/no/such/image.png"><tabserve-classifier ${model} ${attributes}></tabserve-classifier>${script}`,
      );
      await expect
        .poll(async () => (await events(page)).filter(({ type }) => type === 'error'))
        .toEqual([expect.objectContaining({ code, message: expect.stringMatching(says) })]);
      await expect(page.locator('tabserve-classifier >> [part~="status"]')).toHaveText(
        /^(This|The) /,
      );
      expect(logged.filter((text) => text.includes('TabserveError'))).toHaveLength(1);
    });
  }

  test('after one, the element works again', async ({ page, server }) => {
    await show(
      page,
      server,
      `${script}<tabserve-classifier ${mean} src="/no.png"></tabserve-classifier>`,
    );
    await expect.poll(async () => (await events(page)).at(-1)?.type).toBe('error');
    await page.evaluate((src) => {
      document.querySelector('tabserve-classifier')?.setAttribute('src', src);
    }, plain('lime'));
    await expect(lines(page).first()).toHaveText('green100%');
    await expect(page.locator('tabserve-classifier >> [part~="status"]')).toHaveText('');
  });
});

test('labels are text, never markup', async ({ page, server }) => {
  const label = '<img src=x onerror="window.hacked = true">';
  serveModel(
    server,
    '/markup',
    { ...meanColour.manifest, labels: [label, 'green', 'blue'] },
    meanColour.model,
  );
  await show(
    page,
    server,
    `${script}<tabserve-classifier model="/markup/model.json" src="${plain('red')}"></tabserve-classifier>`,
  );
  await expect(lines(page).first()).toHaveText(`${label}100%`);
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
});

test('parts and custom properties style it; hidden hides it', async ({ page, server }) => {
  await show(
    page,
    server,
    `<style>
       tabserve-classifier { --tabserve-bar-color: rgb(1, 2, 3); }
       tabserve-classifier::part(label) { color: rgb(4, 5, 6); }
     </style>
     ${script}<tabserve-classifier ${mean} src="${plain('red')}"></tabserve-classifier>`,
  );
  await expect(lines(page)).toHaveCount(3);
  const colour = (part: string, property: string) =>
    page.evaluate(
      ([part, property]) => {
        const root = document.querySelector('tabserve-classifier')?.shadowRoot;
        const found = root?.querySelector(`[part~="${part}"]`);
        return found && getComputedStyle(found).getPropertyValue(property ?? '');
      },
      [part, property],
    );
  expect(await colour('label', 'color')).toBe('rgb(4, 5, 6)');
  expect(await colour('bar', 'background-color')).toBe('rgb(1, 2, 3)');
  await page.evaluate(() =>
    document.querySelector('tabserve-classifier')?.toggleAttribute('hidden'),
  );
  await expect(page.locator('tabserve-classifier')).toBeHidden();
});

test('speaks the language of the page, and other words where they are given', async ({
  page,
  server,
}) => {
  const missing = 'src="/nothing.png" model="/mean/model.json" device="wasm"';
  await show(
    page,
    server,
    `${script}
     <div lang="de-AT"><tabserve-classifier id="german" ${missing}></tabserve-classifier></div>
     <div lang="zh"><tabserve-classifier id="chinese" ${missing}></tabserve-classifier></div>
     <tabserve-classifier id="english" lang="en" ${missing}></tabserve-classifier>
     <tabserve-classifier id="other" lang="fr" text-picture-error="Image illisible" ${missing}></tabserve-classifier>
     <tabserve-classifier id="none" lang="de" threshold="1" src="${plain('#808080')}" ${mean}></tabserve-classifier>
     <tabserve-classifier id="score" lang="de" src="${plain('#0000ff')}" top-k="1" ${mean}></tabserve-classifier>`,
  );
  const status = (id: string) => page.locator(`#${id} >> [part~="status"]`);
  await expect(status('german')).toHaveText('Dieses Bild konnte nicht gelesen werden.');
  await expect(status('chinese')).toHaveText('无法读取此图片。');
  await expect(status('english')).toHaveText('This picture could not be read.');
  await expect(status('other')).toHaveText('Image illisible');
  await expect(status('none')).toHaveText('Es wurde nichts erkannt.');
  await expect(page.locator('#score >> [part~="score"]')).toHaveText('100\u00a0%');

  // A change of words asks no model again.
  const before = (await events(page)).length;
  await page.evaluate(() => {
    const element = document.querySelector<HTMLElement & { texts: object }>('#english');
    if (element) element.texts = { pictureError: 'Oh.' };
    document.querySelector('#score')?.setAttribute('lang', 'en');
    document.querySelector('#none')?.setAttribute('lang', 'zh');
  });
  await expect(status('english')).toHaveText('Oh.');
  await expect(status('none')).toHaveText('未识别出任何内容。');
  await expect(page.locator('#score >> [part~="score"]')).toHaveText('100%');
  expect((await events(page)).length).toBe(before);
});

/** What a screen reader is told, in the order in which it is told it. */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const root = document.querySelector('tabserve-classifier')?.shadowRoot;
    const said: string[] = [];
    Object.assign(window, { said });
    const announcer = root?.querySelector('.announcer');
    if (!announcer) throw new Error('There is nothing that announces.');
    new MutationObserver(() => {
      if (announcer.textContent) said.push(announcer.textContent);
    }).observe(announcer, { childList: true });
  });
  return () => page.evaluate(() => (window as unknown as { said: string[] }).said);
}

test('a picture that is chosen, dropped or pasted comes before that of the page', async ({
  page,
  server,
}) => {
  await show(
    page,
    server,
    `${script}<tabserve-classifier ${mean} picker top-k="1" lang="en" src="${plain('blue')}"></tabserve-classifier><textarea></textarea>`,
  );
  await expect(lines(page).first()).toContainText('blue');
  const said = await listen(page);
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a picture' }).click(),
  ]);
  const svg = decodeURIComponent(plain('red').slice(plain('red').indexOf(',') + 1));
  await chooser.setFiles({ name: 'r.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) });
  await expect(lines(page).first()).toContainText('red');
  await expect(page.getByRole('img', { name: 'Your picture' })).toBeVisible();
  expect(await said()).toEqual(['red']);

  const give = (type: 'drop' | 'paste', colour: string, target = 'tabserve-classifier') =>
    page.evaluate(
      ([type, colour, target]) => {
        const data = new DataTransfer();
        const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="${colour}"/></svg>`;
        const file = new File(
          [colour === 'none' ? 'words' : picture],
          'x',
          colour === 'none' ? {} : { type: 'image/svg+xml' },
        );
        data.items.add(file);
        const options = { bubbles: true, cancelable: true, composed: true };
        const event =
          type === 'drop'
            ? new DragEvent('drop', { ...options, dataTransfer: data })
            : new ClipboardEvent('paste', { ...options, clipboardData: data });
        document.querySelector(target)?.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [type, colour, target] as const,
    );
  expect(await give('drop', 'lime')).toBe(true);
  await expect(lines(page).first()).toContainText('green');
  expect(await give('paste', 'blue', 'body')).toBe(true);
  await expect(lines(page).first()).toContainText('blue');
  // Who writes pastes text.
  expect(await give('paste', 'red', 'textarea')).toBe(false);
  await give('drop', 'none');
  await expect(page.locator('tabserve-classifier >> [part~="status"]')).toHaveText(
    'That is not a picture.',
  );
  await page.evaluate(
    (src) => document.querySelector('tabserve-classifier')?.setAttribute('src', src),
    plain('lime'),
  );
  await expect(lines(page).first()).toContainText('green');
  await expect(page.getByRole('img', { name: 'Your picture' })).toBeHidden();
});

test('thresholds by class, in the attribute and as a property', async ({ page, server }) => {
  await show(
    page,
    server,
    `${script}<tabserve-classifier ${mean} src="${plain('#ffff00')}" thresholds="red: 1; blue: 0.5; " lang="en"></tabserve-classifier>`,
  );
  await expect(lines(page)).toHaveText([/^red/, /^green/]);
  const read = await page.evaluate(() => {
    const element = document.querySelector<HTMLElement & { thresholds: object }>(
      'tabserve-classifier',
    );
    const before = element?.thresholds;
    if (element) element.thresholds = { gren: 0.1 };
    return before;
  });
  expect(read).toEqual({ red: 1, blue: 0.5 });
  await expect.poll(async () => (await events(page)).at(-1)?.message).toContain('mean "green"?');
});

test('an unsure answer says the group, and only one line is read out', async ({ page, server }) => {
  const manifest = {
    ...meanColour.manifest,
    labelDetails: [{ group: 'warm colour' }, { group: 'warm colour' }, { group: 'cold colour' }],
    translations: { de: { url: 'labels.de.json' } },
    output: { ...meanColour.manifest.output, activation: 'softmax' as const },
  };
  serveModel(server, '/grouped', manifest, meanColour.model);
  server.route(
    '/grouped/labels.de.json',
    ['Rot', 'Grün', 'Blau'].map((label, at) => ({ label, group: at < 2 ? 'warm' : 'kalt' })),
  );
  await show(
    page,
    server,
    `${script}<tabserve-classifier model="/grouped/model.json" device="wasm" lang="en"></tabserve-classifier>`,
  );
  const said = await listen(page);
  await page.evaluate(
    (src) => document.querySelector('tabserve-classifier')?.setAttribute('src', src),
    plain('#ffe000'),
  );
  const summary = page.locator('tabserve-classifier >> [part~="summary"]');
  await expect(summary).toHaveText('Unsure: warm colour, perhaps red');
  expect(await said()).toEqual(['Unsure: warm colour, perhaps red']);
  await page.evaluate(() =>
    document.querySelector('tabserve-classifier')?.setAttribute('lang', 'de'),
  );
  await expect(summary).toHaveText('Unsicher: warm, vielleicht Rot');
  await expect(lines(page).first()).toContainText('Rot');
});

test.describe('camera', () => {
  const film = (page: Page, how: 'frames' | 'NotAllowedError' | 'NotReadableError' | 'none') =>
    page.addInitScript((how) => {
      if (how === 'none') {
        Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
        return;
      }
      navigator.mediaDevices.getUserMedia = async () => {
        if (how !== 'frames') throw new DOMException('no', how);
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 64;
        const context = canvas.getContext('2d') as CanvasRenderingContext2D;
        setInterval(() => {
          context.fillStyle = 'blue';
          context.fillRect(0, 0, 64, 64);
        }, 40);
        const stream = canvas.captureStream(25);
        Object.assign(window, { track: stream.getTracks()[0] });
        return stream;
      };
    }, how);
  const trackState = (page: Page) =>
    page.evaluate(() => (window as unknown as { track: MediaStreamTrack }).track.readyState);
  const body = `${script}<tabserve-classifier ${mean} camera top-k="1" lang="en" src="${plain('red')}"></tabserve-classifier>`;

  test('is followed until it is stopped, and read out once', async ({ page, server }) => {
    await film(page, 'frames');
    await show(page, server, body);
    await expect(lines(page).first()).toContainText('red');
    const said = await listen(page);
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await expect(lines(page).first()).toContainText('blue');
    const count = async () => (await events(page)).filter(({ type }) => type === 'result').length;
    const before = await count();
    await expect.poll(said).toEqual(['blue']);
    expect(await count()).toBeGreaterThan(before + 3);
    expect(await said()).toEqual(['blue']);
    await page.getByRole('button', { name: 'Stop the camera' }).click();
    await expect(lines(page).first()).toContainText('red');
    expect(await trackState(page)).toBe('ended');
    await expect(page.getByRole('button', { name: 'Start the camera' })).toBeVisible();
  });

  test('stops when the element goes', async ({ page, server }) => {
    await film(page, 'frames');
    await show(page, server, body);
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await expect(lines(page).first()).toContainText('blue');
    await page.evaluate(() => document.querySelector('tabserve-classifier')?.remove());
    expect(await trackState(page)).toBe('ended');
  });

  for (const [how, words, code] of [
    ['NotAllowedError', 'The camera was refused. Allow it', 'image-not-ready'],
    ['NotReadableError', 'Another program is using the camera.', 'image-not-ready'],
    ['none', 'This page may not use a camera.', 'unsupported'],
  ] as const) {
    test(`says why it did not start: ${how}`, async ({ page, server }) => {
      await film(page, how);
      await show(page, server, body);
      await expect(lines(page).first()).toContainText('red');
      await page.getByRole('button', { name: 'Start the camera' }).click();
      await expect(page.locator('tabserve-classifier >> [part~="status"]')).toContainText(words);
      expect((await events(page)).at(-1)).toMatchObject({ type: 'error', code });
    });
  }
});
