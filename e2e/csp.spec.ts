/** tabserve under Content-Security-Policies: the smallest that work, and what the others are told. */
import type { Page } from '@playwright/test';
import { cdnPath, classifySeven, createError, expect, test } from './embedding.js';
import type { TestServer } from './server.js';

const ways = {
  module: (src: string) => `<script type="module" src="${src}/index.js"></script>`,
  script: (src: string) => `<script src="${src}/tabserve.global.js"></script>`,
} as const;
type Way = keyof typeof ways;

/** Opens a page with tabserve from `src`, and with this policy on all that the page's server sends. */
async function open(
  page: Page,
  server: TestServer,
  { way, src, policy, isolated }: { way: Way; src: string; policy: string; isolated: boolean },
): Promise<void> {
  server.headersFor = () => ({
    'Content-Security-Policy': policy,
    ...(isolated && {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    }),
  });
  const own = way === 'module' && src === '/dist';
  server.route(
    '/policy.html',
    `<!doctype html><title>t</title>${own ? '<script type="module" src="/pages/library.js"></script>' : ways[way](src)}`,
  );
  await page.goto(`${server.origin}/policy.html`);
  if (way === 'module' && !own) {
    await page.evaluate(async (url) => {
      window.tabserve = await import(url);
    }, `${src}/index.js`);
  }
  await page.waitForFunction(() => 'tabserve' in window);
}

test.afterEach(({ server }) => {
  server.headersFor = () => ({});
});

for (const device of ['wasm', 'webgpu'] as const) {
  for (const isolated of device === 'wasm' ? [false, true] : [false]) {
    const label = `${device}${isolated ? ', several threads' : ''}`;
    // Only the browser of the other project has an adapter.
    const tag = { tag: device === 'webgpu' ? '@webgpu' : '@wasm' };

    for (const way of ['module', 'script'] as const) {
      test(`no blob: allowed: ${way}, ${label}`, tag, async ({ page, server }) => {
        await open(page, server, {
          way,
          src: '/dist',
          policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
          isolated,
        });
        const outcome = await classifySeven(page, { device, threads: isolated ? 2 : 'auto' });
        expect(outcome).toMatchObject({ label: '7', device, threads: isolated ? 2 : 1 });
        expect(outcome.fallbacks).toEqual([
          {
            from: 'the inlined worker script',
            to: expect.stringContaining(`${server.origin}/dist/worker-`),
            reason: expect.stringContaining('worker-src'),
          },
        ]);
      });

      test(`no blob: allowed, and told so: ${way}, ${label}`, tag, async ({ page, server }) => {
        await open(page, server, {
          way,
          src: '/dist',
          policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
          isolated,
        });
        const violations: string[] = [];
        page.on('console', (message) => {
          if (/Content.Security.Policy/i.test(message.text())) violations.push(message.text());
        });
        const threads = isolated ? 2 : 'auto';
        const outcome = await classifySeven(page, { device, threads, workerUrl: '/dist/' });
        expect(outcome).toMatchObject({ label: '7', device, fallbacks: [] });
        expect(violations).toEqual([]);
      });

      test(`only a CDN allowed: ${way}, ${label}`, tag, async ({ page, server, cdn }) => {
        await open(page, server, {
          way,
          src: cdn.origin + cdnPath,
          policy: `default-src 'none'; script-src ${cdn.origin} 'wasm-unsafe-eval'; worker-src blob:; connect-src ${cdn.origin}`,
          isolated,
        });
        const outcome = await classifySeven(page, { device, threads: isolated ? 2 : 'auto' });
        expect(outcome).toEqual({
          label: '7',
          device,
          threads: isolated ? 2 : 1,
          fallbacks: [],
        });
      });
    }

    for (const worker of ['blob:', "'self'"]) {
      test(`Trusted Types, worker-src ${worker}, ${label}`, tag, async ({ page, server }) => {
        await open(page, server, {
          way: 'script',
          src: '/dist',
          policy: `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src ${worker}; require-trusted-types-for 'script'; trusted-types tabserve`,
          isolated,
        });
        const outcome = await classifySeven(page, { device, threads: isolated ? 2 : 'auto' });
        expect(outcome).toMatchObject({ label: '7', threads: isolated ? 2 : 1 });
      });
    }
  }
}

const refused = [
  {
    name: 'no worker at all',
    policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'",
    code: 'worker-blocked',
    says: ['worker-src', 'blob', 'workerUrl'],
  },
  {
    name: 'no WebAssembly',
    policy: "default-src 'self'; script-src 'self'; worker-src blob:",
    code: 'unsupported',
    says: ["'wasm-unsafe-eval'", 'script-src'],
  },
  {
    name: 'no connection to where the files are',
    policy:
      "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; connect-src 'none'",
    code: 'network',
    says: ['connect-src', '/dist/'],
  },
  {
    name: 'Trusted Types without the policy',
    policy:
      "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob: 'self'; require-trusted-types-for 'script'; trusted-types other",
    code: 'worker-blocked',
    says: ['trusted-types tabserve'],
  },
] as const;

for (const { name, policy, code, says } of refused) {
  test(`the error names the directive: ${name}`, { tag: '@wasm' }, async ({ page, server }) => {
    await open(page, server, { way: 'script', src: '/dist', policy, isolated: false });
    const error = await createError(page, { device: 'wasm', cdn: false });
    expect(error.code).toBe(code);
    for (const part of says) expect(error.message).toContain(part);
  });
}
