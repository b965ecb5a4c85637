/** What the tests of detectors, segmenters and embedders share: the golden models, served. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { TestServer } from '../server.js';

/** The pictures that the golden answers are of. */
export const pictures = {
  wide: { width: 157, height: 113 },
  tall: { width: 90, height: 141 },
} as const;

/** One of {@link pictures}. */
export type Which = keyof typeof pictures;
export const both = Object.keys(pictures) as Which[];

const file = (name: string) => join(import.meta.dirname, 'golden', name);

/** A golden file of answers. */
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as T;
}

/** The JSON files of a repository. */
export interface HubFiles {
  config: Record<string, unknown>;
  preprocessor?: Record<string, unknown>;
}

/** Serves a golden graph as a repository. Returns its address. */
export function serveRepository(server: TestServer, name: string, files: HubFiles): string {
  server.route(`/hub/${name}/config.json`, files.config);
  if (files.preprocessor) {
    server.route(`/hub/${name}/preprocessor_config.json`, files.preprocessor);
  }
  server.route(`/hub/${name}/onnx/model.onnx`, readFileSync(file(`${name}.onnx`)));
  return `/hub/${name}/`;
}

/** Serves a golden graph with a manifest of its own. Returns the manifest's address. */
export function serveManifest(server: TestServer, name: string, manifest: object): string {
  const core = { name, version: '1.0.0', files: [{ url: `${name}.onnx`, dtype: 'fp32' }] };
  server.route(`/own/${name}/model.json`, { ...core, ...manifest });
  server.route(`/own/${name}/${name}.onnx`, readFileSync(file(`${name}.onnx`)));
  return `/own/${name}/model.json`;
}

/** Serves the pictures, as `/wide.png` and `/tall.png`. */
export function servePictures(server: TestServer): void {
  for (const which of both) server.route(`/${which}.png`, readFileSync(file(`${which}.png`)));
}

declare global {
  interface Window {
    /** How a promise failed; `null` where it did not. */
    failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string } | null>;
  }
}

/** Puts helpers onto the page. */
export async function prepare(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.failureOf = (promise) =>
      promise.then(
        () => null,
        (error: Error & { code: string }) => ({ code: error.code, message: error.message }),
      );
  });
}
