/** tabserve by a classic script tag, from this origin and from another. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cdnPath, classifySeven, expect, test, version } from './embedding.js';
import { meanColour, serveModel } from './models.js';

const script = readFileSync(join(import.meta.dirname, '../dist/tabserve.global.js'));

const isolations = {
  none: {},
  'require-corp': {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  },
  credentialless: {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'credentialless',
  },
} as const;

for (const origin of ['same', 'another'] as const) {
  for (const crossorigin of ['', ' crossorigin']) {
    for (const isolation of Object.keys(isolations) as (keyof typeof isolations)[]) {
      test(`a script tag${crossorigin} from ${origin} origin, COEP ${isolation}`, async ({
        page,
        server,
        cdn,
      }) => {
        const path = `/script-${origin}-${isolation}${crossorigin.trim()}.html`;
        const src = origin === 'same' ? '/dist' : cdn.origin + cdnPath;
        server.route(path, (_request, response) => {
          response.writeHead(200, { 'Content-Type': 'text/html', ...isolations[isolation] });
          response.end(
            `<!doctype html><title>t</title><script${crossorigin} src="${src}/tabserve.global.js"></script>`,
          );
        });
        await page.goto(server.origin + path);
        const outcome = await classifySeven(page, isolation === 'none' ? {} : { threads: 2 });
        expect(outcome).toEqual({
          label: '7',
          device: 'wasm',
          threads: isolation === 'none' ? 1 : 2,
          fallbacks: [],
        });
      });
    }
  }
}

test('a script tag with its integrity', async ({ page, server, cdn }) => {
  const integrity = `sha384-${createHash('sha384').update(script).digest('base64')}`;
  server.route(
    '/integrity.html',
    `<!doctype html><title>t</title><script src="${cdn.origin}${cdnPath}/tabserve.global.js" integrity="${integrity}" crossorigin="anonymous"></script>`,
  );
  await page.goto(`${server.origin}/integrity.html`);
  expect(await classifySeven(page)).toMatchObject({ label: '7', fallbacks: [] });
});

test('the module, from another origin', async ({ page, server, cdn }) => {
  server.route(
    '/module.html',
    `<!doctype html><title>t</title><script type="module">
       import * as tabserve from '${cdn.origin}${cdnPath}/index.js';
       window.tabserve = tabserve;
     </script>`,
  );
  await page.goto(`${server.origin}/module.html`);
  await page.waitForFunction(() => 'tabserve' in window);
  expect(await classifySeven(page)).toMatchObject({ label: '7', fallbacks: [] });
});

test('a script that is not used downloads nothing', async ({ page, server, cdn }) => {
  server.route(
    '/unused.html',
    `<!doctype html><title>t</title><script src="${cdn.origin}${cdnPath}/tabserve.global.js"></script>`,
  );
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`${server.origin}/unused.html`, { waitUntil: 'networkidle' });
  await page.evaluate(() => window.tabserve.ImageClassifier.availability());
  expect(requests.map((url) => new URL(url).pathname)).toEqual([
    '/unused.html',
    `${cdnPath}/tabserve.global.js`,
  ]);
  expect(page.workers()).toEqual([]);
});

test('what few pages need is loaded from beside the script: a model without a manifest', async ({
  page,
  server,
  cdn,
}) => {
  serveModel(server, '/bare-model', meanColour.manifest, meanColour.model);
  server.route(
    '/parts.html',
    `<!doctype html><title>t</title><script src="${cdn.origin}${cdnPath}/tabserve.global.js"></script>`,
  );
  await page.goto(`${server.origin}/parts.html`);
  const info = await page.evaluate(async () => {
    const classifier = await window.tabserve.ImageClassifier.create({
      model: '/bare-model/mean.onnx',
      device: 'wasm',
    });
    return classifier.info;
  });
  expect(info.model).toMatchObject({ width: 8, height: 8 });
  expect(cdn.requests).toContain(`${cdnPath}/parts/translate.js`);
});

test('errors of what is loaded from beside the script are of its one class', async ({
  page,
  server,
}) => {
  server.route(
    '/library.html',
    '<!doctype html><title>t</title><script src="/dist/tabserve.global.js"></script>',
  );
  await page.goto(`${server.origin}/library.html`);
  server.requests.length = 0;
  const error = await page.evaluate(async () => {
    const { models, TabserveError } = window.tabserve;
    const thrown = await models.availability(new Blob(['x']) as never).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { isOne: thrown instanceof TabserveError, text: String(thrown) };
  });
  expect(error).toEqual({ isOne: true, text: expect.stringContaining('no name in the store') });
  expect(server.requests).toContain('/dist/parts/library-client.js');
});

test('a part that is not beside the script is an error of the network, with its address', async ({
  page,
  server,
}) => {
  server.route('/alone/tabserve.global.js', script);
  server.route(
    '/alone.html',
    '<!doctype html><title>t</title><script src="/alone/tabserve.global.js"></script>',
  );
  await page.goto(`${server.origin}/alone.html`);
  const error = await page.evaluate(() =>
    window.tabserve.models.persist().then(
      () => undefined,
      ({ code, details }) => ({ code, details }),
    ),
  );
  expect(error).toEqual({
    code: 'network',
    details: { url: `${server.origin}/alone/parts/library-client.js` },
  });
});

test('the same script twice is one', async ({ page, server }) => {
  const tag = '<script src="/dist/tabserve.global.js"></script>';
  server.route('/twice.html', `<!doctype html><title>t</title>${tag}${tag}`);
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(`${server.origin}/twice.html`);
  expect(await classifySeven(page)).toMatchObject({ label: '7' });
  expect(errors).toEqual([]);
});

test('a second version on the page is refused by name; the first stays', async ({
  page,
  server,
}) => {
  server.route('/other/tabserve.global.js', (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/javascript' });
    response.end(script.toString().replaceAll(version, '99.0.0'));
  });
  server.route(
    '/versions.html',
    `<!doctype html><title>t</title>
     <script>
       addEventListener('error', ({ error }) => { window.refusal = error; });
     </script>
     <script src="/dist/tabserve.global.js"></script>
     <script src="/other/tabserve.global.js"></script>`,
  );
  await page.goto(`${server.origin}/versions.html`);
  const refusal = await page.evaluate(() => {
    const { refusal } = window as unknown as { refusal: { code: string; message: string } };
    return { code: refusal.code, message: refusal.message };
  });
  expect(refusal.code).toBe('unsupported');
  expect(refusal.message).toContain(`tabserve 99.0.0 (${server.origin}/other/tabserve.global.js)`);
  expect(refusal.message).toContain(
    `tabserve ${version} (${server.origin}/dist/tabserve.global.js)`,
  );
  expect(await page.evaluate(() => window.tabserve.version)).toBe(version);
  expect(await classifySeven(page)).toMatchObject({ label: '7' });
});
