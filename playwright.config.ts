import { defineConfig } from '@playwright/test';
import { findBrowser, installBrowser } from './e2e/browser.js';

const executablePath = findBrowser() ?? installBrowser();

const args = [
  // Containers give Chromium neither a sandbox nor a large /dev/shm.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
];

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  timeout: 120_000,
  expect: { timeout: 15_000 },
  fullyParallel: true,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: { headless: true },
  projects: [
    {
      name: 'chromium',
      testIgnore: [
        '**/{webgpu,webgpu-preprocessing,gpu,tiers,believe,batches,graph-capture}.spec.ts',
        'embed/**',
      ],
      grepInvert: /@webgpu/,
      use: { launchOptions: { executablePath, args } },
    },
    {
      // Installs other people's tools, which takes minutes and a registry.
      name: 'embed',
      testMatch: 'embed/**/*.spec.ts',
      use: { launchOptions: { executablePath, args } },
    },
    {
      // A software adapter: right for correctness, meaningless for speed.
      name: 'webgpu',
      testMatch: [
        '**/{webgpu,webgpu-preprocessing,gpu,tiers,believe,batches,graph-capture}.spec.ts',
        '**/csp.spec.ts',
      ],
      grepInvert: /@wasm/,
      use: {
        launchOptions: {
          executablePath,
          args: [...args, '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
        },
      },
    },
  ],
});
