/** The demo page, as its visitors use it: the built site in a real browser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, needsShared, test } from './fixtures.js';
import { meanColour } from './models.js';
import { sharedFolder, type TestServer } from './server.js';
import { hostFile } from './weather.js';

/** Opens the page and waits until everything that it needs is on it. */
async function openDemo(page: Page, server: TestServer, query = ''): Promise<void> {
  await page.goto(`${server.origin}/site/index.html?${query}`);
  await expect(page.locator('#state-chip')).toHaveText(/ready|degraded/);
  await expect(page.locator('#network-state')).toContainText('pull the plug');
}

function best(page: Page): Locator {
  return page.locator('#scores li').first().locator('.score-label');
}

interface DroppedFile {
  name: string;
  type: string;
  content: string | Uint8Array;
}

/** Drops files onto the middle of nowhere, as the system would. */
async function drop(page: Page, files: readonly DroppedFile[]): Promise<void> {
  const data = files.map(({ name, type, content }) => ({
    name,
    type,
    bytes: [...Buffer.from(content)],
  }));
  await page.evaluate((dropped) => {
    const transfer = new DataTransfer();
    for (const { name, type, bytes } of dropped) {
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
    }
    const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
    document.body.dispatchEvent(new DragEvent('dragenter', options));
    document.body.dispatchEvent(new DragEvent('drop', options));
  }, data);
}

/** A square of one colour. */
function colourSvg(colour: string): DroppedFile {
  return {
    name: `${colour}.svg`,
    type: 'image/svg+xml',
    content: `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="${colour}"/></svg>`,
  };
}

/** A model's files: it answers the mean colour, under labels of the test's choice. */
function colourModel(labels: readonly string[], title = 'Mean colour'): DroppedFile[] {
  const manifest = { ...meanColour.manifest, title, labels };
  return [
    { name: 'mean.onnx', type: '', content: meanColour.model },
    { name: 'model.json', type: 'application/json', content: JSON.stringify(manifest) },
  ];
}

/** Draws a stroke through points given as parts of the pad's side. */
async function stroke(page: Page, points: readonly (readonly [number, number])[]): Promise<void> {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const box = await page.locator('#pad').boundingBox();
  if (!box) throw new Error('The pad is not on the screen');
  const [first, ...rest] = points.map(
    ([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const,
  );
  if (!first) return;
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 5 });
  await page.mouse.up();
}

test('says what it runs on, and why', async ({ page, server }) => {
  await openDemo(page, server);
  await expect(page.locator('#load-title')).toContainText('is ready');
  await expect(page.locator('#reason')).not.toBeEmpty();
  await expect(page.locator('#facts')).toContainText('ONNX Runtime');
  await expect(page.locator('#labels-summary')).toContainText(/\d+ things/);
});

test('classifies a sample and shows where the time went', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  await page.getByRole('button', { name: 'seven', exact: true }).click();
  await expect(best(page)).toHaveText('7');
  await expect(page.locator('#verdict')).toHaveAttribute('data-verdict', 'sure');
  await expect(page.locator('#timing-list')).toContainText(/Inference\s*\d+\.\d ms/);
  await expect(page.locator('#counters')).toContainText(/Requests\s*1/);
});

test('every digit among the samples is read', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  const digits = { two: '2', three: '3', four: '4', five: '5', seven: '7', eight: '8' };
  for (const [name, digit] of Object.entries(digits)) {
    await page.getByRole('button', { name, exact: true }).click();
    await expect(page.locator('#picture-best'), name).toContainText(`${digit} `);
  }
});

test('works by keyboard alone', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the answer' })).toBeFocused();

  const sample = page.getByRole('button', { name: 'three', exact: true });
  await sample.focus();
  await page.keyboard.press('Enter');
  await expect(best(page)).toHaveText('3');

  await page.getByRole('tab', { name: 'Picture' }).focus();
  await page.keyboard.press('End');
  await expect(page.getByRole('tab', { name: 'Draw a digit' })).toBeFocused();
  await expect(page.getByRole('tabpanel', { name: 'Draw a digit' })).toBeVisible();

  // A one: the pen down, a line from top to bottom, the pen up.
  await page.locator('#pad').focus();
  await page.keyboard.press('Space');
  for (let step = 0; step < 5; step++) await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Space');
  await expect(best(page)).toHaveText('1');
  await page.keyboard.press('Delete');
  await expect(best(page)).toHaveText('—');
});

test('tells screen readers the answer', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  await page.getByRole('button', { name: 'two', exact: true }).click();
  await expect(page.locator('#announcer')).toContainText(/^2, 9\d(\.\d)?%/);
  await expect(page.locator('#announcer')).toHaveAttribute('aria-live', 'polite');
});

test('recognises a digit that is drawn, while it is drawn', async ({ page, server }) => {
  await openDemo(page, server);
  await page.getByRole('tab', { name: 'Draw a digit' }).click();
  // Small and in a corner: the pad centres it.
  await stroke(page, [
    [0.1, 0.14],
    [0.16, 0.1],
    [0.24, 0.13],
    [0.23, 0.2],
    [0.16, 0.28],
    [0.1, 0.36],
    [0.18, 0.36],
    [0.27, 0.35],
  ]);
  await expect(best(page)).toHaveText('2');
  await expect(page.locator('#pad-best')).toContainText('2 ');

  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(best(page)).toHaveText('—');
  await stroke(page, [
    [0.3, 0.2],
    [0.5, 0.2],
    [0.72, 0.2],
    [0.6, 0.45],
    [0.48, 0.8],
  ]);
  await expect(best(page)).toHaveText('7');
});

test('a file is dropped, and a photograph chosen', async ({ page, server }) => {
  needsShared('images/photos/owl.jpg');
  await openDemo(page, server);
  await drop(page, [colourSvg('teal')]);
  await expect(page.locator('#veil')).toBeHidden();
  await expect(page.locator('#picture-name')).toHaveText('teal.svg');
  await expect(best(page)).not.toHaveText('—');

  await page.setInputFiles('#file', `${sharedFolder}/images/photos/owl.jpg`);
  await expect(page.locator('#picture-name')).toHaveText('owl.jpg');
  await expect(page.locator('#preview')).toHaveJSProperty('complete', true);
  await expect(page.locator('#counters')).toContainText(/Requests\s*2/);
});

test('several pictures are dropped: the first is shown, all are named', async ({
  page,
  server,
}) => {
  await openDemo(page, server);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toContainText('Mean colour');
  await drop(page, [colourSvg('red'), colourSvg('lime'), colourSvg('blue')]);
  await expect(best(page)).toHaveText('red');
  const captions = page.locator('#strip .sample span');
  await expect(captions.nth(0)).toHaveText('red 100.0%');
  await expect(captions.nth(1)).toHaveText('green 100.0%');
  await expect(captions.nth(2)).toHaveText('blue 100.0%');
});

test('answers are saved for spreadsheets and programs, and as a picture', async ({
  page,
  server,
}) => {
  await openDemo(page, server);
  await expect(page.getByRole('button', { name: 'Save CSV' })).toBeDisabled();
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toContainText('Mean colour');
  const broken = { name: '=broken.png', type: 'image/png', content: 'hello' };
  await drop(page, [colourSvg('red'), colourSvg('lime'), broken]);
  await expect(best(page)).toHaveText('red');
  await expect(page.locator('#strip .sample span').nth(2)).toHaveText('no answer');

  const saved = async (name: string): Promise<Buffer> => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name }).click(),
    ]);
    return readFileSync(await download.path());
  };
  const model = `${meanColour.manifest.name} ${meanColour.manifest.version}`;
  const table = (await saved('Save CSV')).toString('utf8').split('\r\n');
  expect(table.map((line) => line.split(',').slice(0, 4).join())).toEqual([
    '\uFEFFpicture,model,label 1,score 1',
    `red.svg,${model},red,1.00000`,
    `lime.svg,${model},green,1.00000`,
    `'=broken.png,${model},,`,
    '',
  ]);
  const list = JSON.parse((await saved('Save JSON')).toString('utf8'));
  expect(list).toMatchObject([
    { picture: 'red.svg', model, answers: [{ label: 'red', score: 1 }, {}, {}] },
    { picture: 'lime.svg', answers: [{ label: 'green' }, {}, {}] },
    { picture: '=broken.png', answers: [] },
  ]);

  // The picture above, its best answer's bar below.
  const png = [...(await saved('Save as a picture'))];
  const pixels = await page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    const at = (x: number, y: number) => [...(context?.getImageData(x, y, 1, 1).data ?? [])];
    return { width: bitmap.width, picture: at(400, 400), bar: at(760, 800 + 32 + 38) };
  }, png);
  expect(pixels).toEqual({ width: 800, picture: [255, 0, 0, 255], bar: [42, 145, 115, 255] });
});

test('what is no picture is refused in words, and the next one works', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  await drop(page, [{ name: 'notes.txt.png', type: 'image/png', content: 'hello' }]);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('notes.txt.png');
  await expect(alert).toContainText('image-undecodable');
  await expect(page.locator('#verdict-best')).toHaveText('No answer');
  await expect(page.locator('#error-codes')).toContainText('image-undecodable × 1');
  await page.keyboard.press('Escape');
  await expect(alert).toHaveCount(0);

  await page.getByRole('button', { name: 'five', exact: true }).click();
  await expect(best(page)).toHaveText('5');
});

test('a model and its manifest are dropped and used', async ({ page, server }) => {
  await openDemo(page, server);
  await drop(page, [colourSvg('blue')]);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toHaveText('“Mean colour” is ready');
  await expect(page.locator('#set-model')).toHaveValue('own');
  // The picture that is on the stage is asked about again.
  await expect(best(page)).toHaveText('blue');
  await expect(page.locator('#facts')).toContainText('mean.onnx');

  await page.locator('#set-model').selectOption('digits');
  await expect(page.locator('#load-title')).toContainText('Handwritten digits');
  await expect(page.locator('#labels-summary')).toContainText('10 things');
});

test('a broken model is refused, and the one before stays', async ({ page, server }) => {
  await openDemo(page, server, 'model=digits');
  const [onnx] = colourModel([]);
  if (!onnx) throw new Error('no model');
  await drop(page, [onnx, { name: 'model.json', type: '', content: '{"name": "x"}' }]);
  await expect(page.getByRole('alert')).toContainText('manifest-invalid');
  await expect(page.locator('#set-model')).toHaveValue('digits');
  await page.getByRole('button', { name: 'eight', exact: true }).click();
  await expect(best(page)).toHaveText('8');
});

test('labels and file names are text, whatever they contain', async ({ page, server }) => {
  const hostile = '<img src=x onerror="document.title=1">';
  await openDemo(page, server);
  await drop(page, colourModel([hostile, '<b>green</b>', 'blue'], hostile));
  await expect(page.locator('#load-title')).toContainText(hostile);
  await drop(page, [{ ...colourSvg('red'), name: `${hostile}.svg` }]);
  await expect(best(page)).toHaveText(hostile);
  await expect(page.locator('#verdict-best')).toHaveText(hostile);
  await page.locator('#labels-summary').click();
  await expect(page.locator('#labels-list li')).toHaveText([hostile, '<b>green</b>', 'blue']);
  await drop(page, [{ name: hostile, type: 'image/png', content: 'no' }]);
  await expect(page.getByRole('alert')).toContainText(hostile);
  await expect(page.locator('img[src="x"], b')).toHaveCount(0);
  await expect(page).toHaveTitle(/tabserve/);
});

test('the list of labels can be filtered', async ({ page, server }) => {
  await openDemo(page, server);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await page.locator('#labels-summary').click();
  await expect(page.locator('#labels-list li')).toHaveCount(3);
  await page.locator('#labels-filter').fill('RE');
  await expect(page.locator('#labels-list li')).toHaveText(['red', 'green']);
  await expect(page.locator('#labels-count')).toHaveText('2 labels');
  await page.locator('#labels-filter').fill('zebra');
  await expect(page.locator('#labels-count')).toHaveText('None like that.');
});

test('a low score is called one', async ({ page, server }) => {
  await openDemo(page, server);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await drop(page, [colourSvg('#604020')]);
  await expect(best(page)).toHaveText('red');
  await expect(page.locator('#verdict')).toHaveAttribute('data-verdict', 'unsure');
  await expect(page.locator('#verdict-text')).toContainText('Not sure');
});

test('the network goes, the page stays, and nothing was sent', async ({
  page,
  server,
  context,
}) => {
  await openDemo(page, server);
  const before = server.requests.length;
  const asked: string[] = [];
  context.on('request', (request) => {
    if (/^https?:/.test(request.url())) asked.push(request.url());
  });
  await context.setOffline(true);
  await expect(page.locator('#network-state')).toHaveText('Offline, and it still works.');

  await drop(page, [colourSvg('orange')]);
  await expect(page.locator('#counters')).toContainText(/Requests\s*1/);
  await expect(best(page)).not.toHaveText('—');
  await page.getByRole('tab', { name: 'Draw a digit' }).click();
  await stroke(page, [
    [0.5, 0.2],
    [0.5, 0.8],
  ]);
  await expect(best(page)).toHaveText('1');
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toContainText('Mean colour');

  await expect(page.locator('#request-count')).toHaveText('0');
  expect(asked).toEqual([]);
  expect(server.requests.slice(before)).toEqual([]);
});

test('a picture is pasted', async ({ page, server }) => {
  await openDemo(page, server);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toContainText('Mean colour');
  await page.evaluate(
    (svg) => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([svg], 'image.svg', { type: 'image/svg+xml' }));
      document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData }));
    },
    String(colourSvg('lime').content),
  );
  await expect(best(page)).toHaveText('green');
});

test('the camera is classified until it is stopped', async ({ page, server }) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      setInterval(() => {
        if (context) context.fillStyle = '#00f';
        context?.fillRect(0, 0, canvas.width, canvas.height);
      }, 50);
      return canvas.captureStream();
    };
  });
  await openDemo(page, server);
  await drop(page, colourModel(['red', 'green', 'blue']));
  await expect(page.locator('#load-title')).toContainText('Mean colour');
  await page.getByRole('tab', { name: 'Camera' }).click();
  await page.getByRole('button', { name: 'Start the camera' }).click();
  await expect(best(page)).toHaveText('blue');
  await expect(page.locator('#camera-rate')).toContainText('a second');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.locator('#camera-rate')).toHaveText('Camera off');
  await expect(page.locator('#video')).toBeHidden();
});

test('a camera that is refused is said to be so', async ({ page, server }) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  await openDemo(page, server);
  await page.getByRole('tab', { name: 'Camera' }).click();
  await page.getByRole('button', { name: 'Start the camera' }).click();
  await expect(page.getByRole('alert')).toContainText('Allow the camera');
  await expect(page.getByRole('button', { name: 'Start the camera' })).toBeEnabled();
});

test('an address is fetched and told apart from other requests', async ({ page, server }) => {
  await openDemo(page, server);
  server.route('/demo/red.svg', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(colourSvg('red').content);
  });
  await page.getByLabel('Address of a picture').fill(`${server.origin}/demo/red.svg`);
  await page.getByRole('button', { name: 'Fetch' }).click();
  await expect(page.locator('#picture-name')).toHaveText('red.svg');
  await expect(page.locator('#counters')).toContainText(/Requests\s*1/);
  await expect(page.locator('#request-count')).toHaveText('0');

  await page.getByLabel('Address of a picture').fill(`${server.origin}/demo/none.png`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('none.png');
});

test('a device that is not there is refused, and the one before stays', async ({
  page,
  server,
}) => {
  await openDemo(page, server, 'model=digits&device=wasm');
  await page.locator('#set-device').selectOption('webgpu');
  await expect(page.getByRole('alert')).toContainText('unsupported');
  await expect(page.locator('#set-device')).toHaveValue('wasm');
  await page.getByRole('button', { name: 'four', exact: true }).click();
  await expect(best(page)).toHaveText('4');
});

for (const [model, sample, answer] of [
  ['digits', 'two', '2'],
  // Not sure, and so the longest text.
  ['everyday', 'rocket', 'rocket'],
] as const) {
  test(`nothing moves when the answer comes: ${answer}`, async ({ page, server }) => {
    await openDemo(page, server, `model=${model}`);
    await page.evaluate(() => {
      Object.assign(window, { shift: 0 });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          Object.assign(window, {
            shift: Reflect.get(window, 'shift') + Reflect.get(entry, 'value'),
          });
        }
      }).observe({ type: 'layout-shift' });
    });
    await page.getByRole('button', { name: sample, exact: true }).click();
    await expect(best(page)).toHaveText(answer);
    await page.waitForTimeout(300);
    expect(await page.evaluate(() => Reflect.get(window, 'shift'))).toBe(0);
  });
}

test('fits a narrow screen', async ({ page, server }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await openDemo(page, server);
  for (const tab of ['Picture', 'Camera', 'Draw a digit']) {
    await page.getByRole('tab', { name: tab }).click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  }
  await openLibrary(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
});

/** One model of the library panel. */
function libraryModel(page: Page, title: string): Locator {
  return page
    .locator('#library-list > li')
    .filter({ has: page.getByRole('heading', { name: title, exact: true }) });
}

async function openLibrary(page: Page): Promise<void> {
  await page.locator('#library-summary').click();
  await expect(page.locator('#library-usage')).toContainText('stored in this browser');
}

for (const model of ['everyday', 'photos']) {
  test(`the samples are named by ${model}`, async ({ page, server }) => {
    await openDemo(page, server, `model=${model}`);
    await expect(page.locator('#set-model')).toHaveValue(model);
    const names = await page
      .locator('#strip .sample')
      .evaluateAll((samples) => samples.map((sample) => (sample as HTMLElement).title));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      await page.getByRole('button', { name, exact: true }).click();
      // Photos has finer classes: a kind of cat, a wall clock.
      const wanted = model === 'photos' ? new RegExp(`\\b${name}\\b`) : name;
      await expect(page.locator('#verdict-best'), name).toHaveText(wanted);
    }
  });
}

test('the library lists sizes and licences, and reads nothing before it is opened', async ({
  page,
  server,
}) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await openDemo(page, server);
  await expect(page.locator('#request-count')).toHaveText('0');
  await expect(page.locator('#library-list > li')).toHaveCount(0);
  const elsewhere = () =>
    asked.filter((url) => !url.startsWith('blob:') && !url.startsWith(server.origin));
  expect(elsewhere()).toEqual([]);
  expect(asked.filter((url) => url.includes('library-client'))).toEqual([]);

  await page.locator('#library-summary').focus();
  await page.keyboard.press('Enter');
  await expect(libraryModel(page, 'Things on photos')).toContainText(
    /embedded.*4\.8 MB.*Apache-2\.0/s,
  );
  await expect(libraryModel(page, 'Everyday things')).toContainText(/embedded.*3\.0 MB.*MIT/s);
  await expect(libraryModel(page, 'Handwritten digits')).toContainText(/embedded.*51 kB.*MIT/s);
  await expect(libraryModel(page, 'SqueezeNet 1.1')).toContainText(
    /not stored.*5\.0 MB.*Apache-2\.0.*56% right on ImageNet, as published/s,
  );
  await expect(libraryModel(page, 'EfficientNet-Lite4')).toContainText(/51\.9 MB.*MIT/s);
  await expect(page.getByRole('button', { name: 'In use: Things on photos' })).toBeVisible();
  await expect(page.locator('#library-usage')).toContainText(/MB stored/);
  // Its own code, from the page's own server, is all that it took, and the page says so.
  expect(elsewhere()).toEqual([]);
  await expect(page.locator('#request-count')).toHaveText('0');
  await expect(page.locator('#request-text')).toContainText('for the library you opened');
});

test('a download that fails or is cancelled leaves the former model at work', async ({
  page,
  server,
  context,
}) => {
  await openDemo(page, server, 'model=digits');
  await openLibrary(page);
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Use: SqueezeNet 1.1' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Cancel: SqueezeNet 1.1' })).toBeFocused();
  await expect(page.getByRole('alert')).toContainText('“SqueezeNet 1.1” could not be loaded');
  await expect(page.getByRole('alert')).toContainText('If you are offline');
  await expect(page.getByRole('button', { name: 'Use: SqueezeNet 1.1' })).toBeFocused();
  await expect(page.locator('#load-title')).toHaveText('“Handwritten digits” is ready');
  await page.keyboard.press('Escape');

  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Cancel: SqueezeNet 1.1' }).press('Enter');
  await expect(page.getByRole('button', { name: 'Use: SqueezeNet 1.1' })).toBeFocused();
  await expect(page.locator('#load-title')).toHaveText('“Handwritten digits” is ready');
  await expect(page.locator('#set-model')).toHaveValue('digits');
  await page.getByRole('button', { name: 'seven', exact: true }).click();
  await expect(best(page)).toHaveText('7');
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a stored model is removed from the library, used, and stored again', async ({
  page,
  server,
}) => {
  await openDemo(page, server);
  await openLibrary(page);
  const digits = libraryModel(page, 'Handwritten digits');
  await expect(digits).toContainText('embedded, stored');
  await page.getByRole('button', { name: 'Remove: Handwritten digits' }).click();
  await expect(digits).toContainText('embedded, not stored');
  await expect(page.getByRole('button', { name: 'Remove: Handwritten digits' })).toBeHidden();
  await expect(page.getByRole('button', { name: 'Use: Handwritten digits' })).toBeFocused();

  // Loaded anew, by a page that has it no longer in memory.
  await openDemo(page, server, 'model=digits');
  await openLibrary(page);
  await expect(digits).toContainText('embedded, stored');
  await page.getByRole('button', { name: 'Use: Everyday things' }).click();
  await expect(page.locator('#load-title')).toHaveText('“Everyday things” is ready');
  await expect(page.locator('#set-model')).toHaveValue('everyday');
  await expect(page.getByRole('button', { name: 'In use: Everyday things' })).toBeVisible();
});

test('what a download has left of a public model is removed', async ({ page, server }) => {
  await openDemo(page, server);
  const digest = '1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088';
  await page.evaluate(async (digest) => {
    const root = await navigator.storage.getDirectory();
    const store = await root.getDirectoryHandle('tabserve');
    const partial = await store.getDirectoryHandle('partial');
    const file = await (await partial.getFileHandle(digest, { create: true })).createWritable();
    await file.write(new Uint8Array(2_000_000));
    await file.close();
  }, digest);
  await openLibrary(page);
  const squeezeNet = libraryModel(page, 'SqueezeNet 1.1');
  await expect(squeezeNet).toContainText('2.0 MB of 5.0 MB stored');
  await expect(page.getByRole('button', { name: 'Resume: SqueezeNet 1.1' })).toBeVisible();
  await page.getByRole('button', { name: 'Remove: SqueezeNet 1.1' }).click();
  await expect(squeezeNet).toContainText('not stored');
  await expect(page.getByRole('button', { name: 'Use: SqueezeNet 1.1' })).toBeFocused();
  await expect(page.getByRole('button', { name: 'Remove: SqueezeNet 1.1' })).toBeHidden();
  await expect(page.locator('#announcer')).toContainText('2.0 MB freed');
});

test('an unsure answer leads to the library', async ({ page, server }) => {
  await openDemo(page, server);
  const more = page.getByRole('button', { name: 'A larger public model' });
  await expect(more).toBeHidden();
  await drop(page, colourModel(['red', 'green', 'blue']));
  await drop(page, [colourSvg('#604020')]);
  await expect(page.locator('#verdict-text')).toContainText('none of the 3 things');
  await more.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#library')).toHaveAttribute('open', '');
  await expect(page.locator('#library-summary')).toBeFocused();
  await expect(libraryModel(page, 'MobileNet V2')).toBeInViewport();

  await drop(page, [colourSvg('red')]);
  await expect(page.locator('#verdict')).toHaveAttribute('data-verdict', 'sure');
  await expect(more).toBeHidden();
});

test('a download is followed, cancelled, and goes on where it was', async ({ page, server }) => {
  const assets = join(import.meta.dirname, '../site/assets');
  const name = readdirSync(assets).find((each) => /^everyday\.fp16.*\.onnx$/.test(each));
  if (!name) throw new Error('The site has no such file');
  const path = `/site/assets/${name}`;
  const file = hostFile(server, path, readFileSync(join(assets, name)));
  try {
    // While the page loads, what it would keep ready is not to be had.
    file.weather = () => 'html';
    await page.goto(`${server.origin}/site/index.html?model=digits&device=wasm`);
    await expect(page.locator('#network-state')).toHaveText('Online.');
    await openLibrary(page);
    const everyday = libraryModel(page, 'Everyday things');
    await expect(everyday).toContainText('embedded, not stored');

    file.weather = () => 'stall';
    await page.getByRole('button', { name: 'Use: Everyday things' }).click();
    await expect(everyday.locator('.library-progress')).toContainText(/1\.\d MB of \d+\.\d MB/);
    await expect(everyday.getByRole('progressbar')).toBeVisible();
    await page.getByRole('button', { name: 'Cancel: Everyday things' }).click();
    await expect(everyday).toContainText(/embedded, 1\.\d MB of 3\.0 MB stored/);
    await expect(page.locator('#load-title')).toHaveText('“Handwritten digits” is ready');

    file.weather = () => 'slow';
    await page.getByRole('button', { name: 'Resume: Everyday things' }).click();
    await expect(everyday.locator('.library-progress')).toContainText('of it already here');
    await expect(page.locator('#load-title')).toHaveText('“Everyday things” is ready');
    await expect(everyday).toContainText('embedded, stored');
    expect(file.requests.at(-1)?.range).toMatch(/^bytes=\d{6,}-$/);
  } finally {
    server.unroute(path);
  }
});
