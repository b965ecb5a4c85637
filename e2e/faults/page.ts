/** A page with pictures to ask about, and the means to break what answers. */
import type { Page, Worker } from '@playwright/test';
import type { ImageClassifier } from '../../src/index.js';
import { meanColour, serveModel } from '../models.js';
import type { TestServer } from '../server.js';

declare global {
  interface Window {
    /** The classifiers of a test, by names of its own. */
    served: Record<string, ImageClassifier>;
    /** What became of requests that a test started without waiting for them. */
    outcomes: Record<string, Promise<string>>;
    /** A canvas of one colour. */
    canvasOf(colour: string, size?: number): HTMLCanvasElement;
    /** The same as a PNG file. */
    pngOf(colour: string, size?: number): Promise<Blob>;
    /** A classifier of mean colours. */
    createMean(options?: Parameters<typeof ImageClassifier.create>[0]): Promise<ImageClassifier>;
    /** The best label, or the error's code (`untyped: …` when it has none). */
    outcomeOf(answer: Promise<unknown> | undefined): Promise<string>;
  }
}

/** Serves the model whose answer is a picture's mean colour, and puts the helpers on the page. */
export async function prepare(page: Page, server: TestServer): Promise<void> {
  serveModel(server, '/mean', meanColour.manifest, meanColour.model);
  await page.evaluate(() => {
    window.served = {};
    window.outcomes = {};
    window.canvasOf = (colour, size = 64) => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = size;
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d context');
      context.fillStyle = colour;
      context.fillRect(0, 0, size, size);
      return canvas;
    };
    window.pngOf = (colour, size) =>
      new Promise((resolve, reject) =>
        window
          .canvasOf(colour, size)
          .toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no blob')))),
      );
    window.createMean = (options) =>
      window.tabserve.ImageClassifier.create({
        model: '/mean/model.json',
        device: 'wasm',
        ...options,
      });
    window.outcomeOf = async (answer) => {
      try {
        const answers = (await answer) as { label: string }[];
        return answers[0]?.label ?? 'no answer';
      } catch (error) {
        if (window.tabserve.isTabserveError(error)) return error.code;
        return error instanceof DOMException && error.name === 'AbortError'
          ? 'aborted'
          : `untyped: ${error}`;
      }
    };
  });
}

/** Workers that will never answer again. Playwright lists them even when they were terminated. */
const stuck = new WeakSet<Worker>();

/** The workers that answer. */
export function servingWorkers(page: Page): Worker[] {
  return page.workers().filter((worker) => !stuck.has(worker));
}

/** Ends a worker from inside, as a crash does: nobody is told. One that is stuck stays. */
export async function endWorker(worker: Worker): Promise<void> {
  const ended = worker.evaluate(() => self.close()).catch(() => undefined);
  await Promise.race([ended, soon()]);
}

/** Keeps a worker's thread busy for good. */
export async function blockWorker(worker: Worker): Promise<void> {
  stuck.add(worker);
  const begun = worker.evaluate(() => {
    setTimeout(() => {
      for (;;);
    });
  });
  await Promise.race([begun.catch(() => undefined), soon()]);
}

/** The time that a worker that is not stuck answers in, many times over. */
function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_000));
}
