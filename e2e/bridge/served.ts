/** A page whose server has the models of the tests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type * as tabserve from '../../src/index.js';
import type { ModelServer, ModelServerOptions } from '../../src/server/index.js';
import type { TestServer } from '../server.js';

declare global {
  interface Window {
    ModelServer: typeof ModelServer;
    server: ModelServer;
    tabserve: typeof tabserve;
  }
}

/** Serves the graphs of `golden/`, with manifests that say nothing but what they are. */
export function serveGraphs(server: TestServer): void {
  for (const name of ['affine', 'ident']) {
    const bytes = readFileSync(join(import.meta.dirname, `golden/${name}.onnx`));
    const files = [{ url: `${name}.onnx`, dtype: 'fp32' }];
    server.route(`/graphs/${name}/model.json`, { name, version: '1.0.0', task: 'tensor', files });
    server.route(`/graphs/${name}/${name}.onnx`, bytes);
  }
}

/** Opens a page with a server that has no models yet, as `window.server`. */
export async function openModelServer(
  page: Page,
  server: TestServer,
  options: Pick<ModelServerOptions, 'maxBodyBytes' | 'memoryBudget' | 'name'> = {},
): Promise<void> {
  serveGraphs(server);
  await page.goto(`${server.origin}/pages/model-server.html`);
  await page.waitForFunction(() => 'bridge' in window);
  await page.evaluate((given) => {
    window.server = new window.ModelServer(given);
  }, options);
}

/** Registers the graphs, and the embedded model of everyday things. */
export async function registerAll(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { ImageClassifier, TensorModel } = window.tabserve;
    for (const name of ['affine', 'ident']) {
      const model = `/graphs/${name}/model.json`;
      await window.server.register(name, (context) =>
        TensorModel.create({ ...context, model, device: 'wasm' }),
      );
    }
    await window.server.register('everyday', (context) =>
      ImageClassifier.create({ ...context, model: 'everyday', device: 'wasm' }),
    );
  });
}
