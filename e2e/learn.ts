/** What the tests of teaching share: the entry on a page, pictures that can be told apart, and Python. */
import { execFileSync } from 'node:child_process';
import type { Page } from '@playwright/test';
import type * as learn from '../src/learn/index.js';
import { meanColour, serveModel } from './models.js';
import type { TestServer } from './server.js';

declare global {
  interface Window {
    /** `tabserve/learn`, put there by `pages/learn.js`. */
    learn: typeof learn;
    /** A picture of a colour, with noise by its number, as a file. */
    coloured(colour: [number, number, number], number: number, size?: number): Promise<File>;
    /** The pictures of a sheet of square ones, 50 a row, by their numbers. */
    sheetOf(url: string, size: number): Promise<(at: number) => ImageData>;
    /** Watches the page's thread from now on. What it gives ends that, with the longest task in milliseconds. */
    watchTasks(): () => Promise<number>;
  }
}

/** Puts `window.learn`, pictures and what watches the page onto it. */
export async function withLearning(page: Page): Promise<Page> {
  await page.addScriptTag({ url: '/pages/learn.js', type: 'module' });
  await page.waitForFunction(() => 'learn' in window);
  await page.evaluate(() => {
    window.watchTasks = () => {
      let longest = 0;
      const take = (entries: PerformanceEntryList) => {
        for (const { duration } of entries) longest = Math.max(longest, Math.round(duration));
      };
      const observer = new PerformanceObserver((list) => take(list.getEntries()));
      observer.observe({ type: 'longtask' });
      return async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        take(observer.takeRecords());
        observer.disconnect();
        return longest;
      };
    };
    window.sheetOf = async (url, size) => {
      const file = await (await fetch(url)).blob();
      const sheet = await createImageBitmap(file, { colorSpaceConversion: 'none' });
      const canvas = new OffscreenCanvas(sheet.width, sheet.height);
      const context = canvas.getContext('2d', {
        willReadFrequently: true,
      }) as OffscreenCanvasRenderingContext2D;
      context.drawImage(sheet, 0, 0);
      sheet.close();
      return (at) => context.getImageData((at % 50) * size, Math.floor(at / 50) * size, size, size);
    };
    window.coloured = async (colour, number, size = 16) => {
      const canvas = new OffscreenCanvas(size, size);
      const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      const image = context.createImageData(size, size);
      let state = number * 7919 + 1;
      const noise = () => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state / 0x7fffffff - 0.5) * 60;
      };
      // Not only each pixel differs, but the picture as a whole.
      const shift = [noise(), noise(), noise()];
      for (let i = 0; i < image.data.length; i++) {
        const channel = i % 4;
        image.data[i] =
          channel === 3 ? 255 : (colour[channel] as number) + (shift[channel] as number) + noise();
      }
      context.putImageData(image, 0, 0);
      return new File([await canvas.convertToBlob()], `${number}.png`, { type: 'image/png' });
    };
  });
  return page;
}

const { labels: _, output, ...described } = meanColour.manifest;

/** A base whose features are the mean red, green and blue of a picture. */
export function serveBase(server: TestServer): string {
  const manifest = { ...described, task: 'image-embedding', output: { name: output.name } };
  return serveModel(server, '/learn-base', manifest as never, meanColour.model);
}

/** Whether there is a Python with onnxruntime. */
export function hasNative(): boolean {
  try {
    execFileSync('python3', ['-c', 'import onnxruntime, onnx'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * What native onnxruntime makes of a graph and one input of float32, after ONNX's own checker has looked at
 * the file.
 */
export function nativeOutput(
  file: string,
  input: { name: string; dims: readonly number[]; values: readonly number[] },
  output: string,
): number[] {
  const program = [
    'import json, sys, numpy, onnx, onnxruntime',
    'q = json.load(sys.stdin)',
    "onnx.checker.check_model(onnx.load(q['file']))",
    "session = onnxruntime.InferenceSession(q['file'], providers=['CPUExecutionProvider'])",
    "x = numpy.array(q['values'], numpy.float32).reshape(q['dims'])",
    "print(json.dumps(session.run([q['output']], {q['name']: x})[0].ravel().tolist()))",
  ].join('\n');
  const question = JSON.stringify({ file, output, ...input });
  const answer = execFileSync('python3', ['-c', program], {
    input: question,
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(answer.toString()) as number[];
}
