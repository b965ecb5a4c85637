/**
 * `npm run bench:learn [-- photos mnist mnist-one cifar]`: how long teaching takes in Chromium, how good what is taught
 * is, and the page's longest task meanwhile. Needs the built package and `../shared`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { chromium, type Page } from '@playwright/test';
import type { Layer, NetworkOptions } from '../../src/learn/index.js';
import { findBrowser, installBrowser } from '../browser.js';
import { withLearning } from '../learn.js';
import { sharedFolder, TestServer } from '../server.js';

type Case = (server: TestServer) => Promise<string>;

const cases: Readonly<Record<string, Case>> = {
  photos,
  mnist: (server) => network(server, mnist, true),
  'mnist-one': (server) => network(server, mnist, false),
  cifar: (server) => network(server, cifar, true),
};

/** Prints a line for each case. */
export async function main(names: readonly string[]): Promise<void> {
  if (!existsSync(`${sharedFolder}/data`)) throw new Error(`There is no ${sharedFolder}/data.`);
  const server = await TestServer.start();
  try {
    for (const name of names.length > 0 ? names : Object.keys(cases)) {
      const run = cases[name];
      if (!run) throw new Error(`There is no "${name}": ${Object.keys(cases).join(', ')}.`);
      const line = await run(server);
      // A busy machine is slower than these two cores are.
      const load = loadavg()[0]?.toFixed(1);
      console.log(`${name}: ${line} (load average ${load})`);
    }
  } finally {
    await server.stop();
  }
}

async function visit<Result>(
  server: TestServer,
  isolated: boolean,
  task: (page: Page) => Promise<Result>,
): Promise<Result> {
  const browser = await chromium.launch({
    executablePath: findBrowser() ?? installBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage();
    page.on('console', (message) => console.log(`  ${message.text()}`));
    await page.goto(`${server.origin}/pages/library.html${isolated ? '?isolated' : ''}`);
    await page.waitForFunction(() => 'tabserve' in window);
    return await task(await withLearning(page));
  } finally {
    await browser.close();
  }
}

/** All photos, in three groups by their names: animals, things, and others. */
async function photos(server: TestServer): Promise<string> {
  const files = readdirSync(`${sharedFolder}/images/photos`).sort();
  const groups = [0, 1, 2].map((group) =>
    Array.from({ length: 20 }, (_, at) => files[(group * 20 + at) % files.length] as string),
  );
  const found = await visit(server, true, (page) =>
    page.evaluate(async (groups) => {
      const blobs = await Promise.all(
        groups.map((names) =>
          Promise.all(
            names.map(async (name) => (await fetch(`/shared/images/photos/${name}`)).blob()),
          ),
        ),
      );
      const longest = window.watchTasks();
      const began = performance.now();
      const trainer = await window.learn.Trainer.create({ device: 'wasm' });
      const created = performance.now();
      for (const [group, images] of blobs.entries()) await trainer.add(`group ${group}`, images);
      const added = performance.now();
      const model = await trainer.train();
      const trained = performance.now();
      return {
        create: created - began,
        features: added - created,
        train: trained - added,
        accuracy: model.evaluation?.accuracy.value ?? 0,
        longest: await longest(),
      };
    }, groups),
  );
  const { create, features, train, accuracy, longest } = found;
  return `base ${seconds(create)}, features of 60 photos ${seconds(features)}, head ${seconds(train)}, ${percent(accuracy)} by cross-validation; longest task of the page ${longest} ms`;
}

/** A data set of small pictures, and how a network learns it. */
interface DataSet {
  folder: string;
  size: number;
  channels: 1 | 3;
  options: NetworkOptions;
}

const conv = (filters: number, size: number): readonly Layer[] => [
  { type: 'conv', filters, size },
  { type: 'relu' },
  { type: 'pool' },
];
const dense = (units: number): readonly Layer[] => [{ type: 'dense', units }, { type: 'relu' }];

const mnist: DataSet = {
  folder: 'mnist',
  size: 28,
  channels: 1,
  options: {
    layers: [...conv(32, 3), ...conv(64, 3), ...dense(64)],
    epochs: 3,
    learningRate: 0.002,
    validation: 0.03,
  },
};

const cifar: DataSet = {
  folder: 'cifar10',
  size: 32,
  channels: 3,
  options: {
    layers: [...conv(6, 5), ...conv(16, 5), ...dense(120), ...dense(84)],
    epochs: 66,
    learningRate: 0.004,
    validation: 0.03,
    mirrored: true,
    shifts: true,
  },
};

/** @param isolated - With threads. */
async function network(
  server: TestServer,
  { folder, size, channels, options }: DataSet,
  isolated: boolean,
): Promise<string> {
  const index = JSON.parse(readFileSync(`${sharedFolder}/data/index.json`, 'utf8')) as Record<
    string,
    Record<'train' | 'test', Record<string, number>>
  >;
  const counts = index[folder];
  const found = await visit(server, isolated, (page) =>
    page.evaluate(
      async ({ folder, size, channels, options, counts }) => {
        const numbers = size * size * channels;
        /** The pictures of a class: channel by channel, row by row. */
        const read = async (split: 'train' | 'test', label: string, count: number) => {
          const tile = await window.sheetOf(`/shared/data/${folder}/${split}/${label}.webp`, size);
          const bytes = new Uint8Array(count * numbers);
          for (let picture = 0; picture < count; picture++) {
            const { data } = tile(picture);
            for (let i = 0; i < numbers; i++) {
              const [channel, pixel] = [Math.floor(i / (size * size)), i % (size * size)];
              bytes[picture * numbers + i] = data[pixel * 4 + channel] as number;
            }
          }
          return bytes;
        };
        const base = { pixels: { width: size, height: size, channels } };
        const trainer = await window.learn.Trainer.create({ base, device: 'wasm', threads: 2 });
        for (const [label, count] of Object.entries(counts?.train ?? {})) {
          const bytes = await read('train', label, count);
          await trainer.addFeatures(new Array<string>(count).fill(label), bytes);
        }
        const longest = window.watchTasks();
        const began = performance.now();
        let epochs = 0;
        const model = await trainer.trainNetwork({
          ...options,
          onProgress: (progress) => {
            const latest = progress.epochs?.at(-1);
            if (!latest || latest.epoch === epochs) return;
            epochs = latest.epoch;
            const { loss, validationAccuracy = 0 } = latest;
            const time = ((performance.now() - began) / 1000).toFixed(0);
            console.log(
              `${time} s: epoch ${epochs}, loss ${loss.toFixed(4)}, held out ${validationAccuracy.toFixed(4)}`,
            );
          },
        });
        const time = performance.now() - began;
        const task = await longest();
        const classifier = await model.classifier({ device: 'wasm', tensors: true });
        const labels = model.labels.map(({ label }) => label);
        let [right, asked] = [0, 0];
        for (const [label, count] of Object.entries(counts?.test ?? {})) {
          const bytes = await read('test', label, count);
          for (let at = 0; at < count; at += 250) {
            const rows = Math.min(250, count - at);
            const data = Float32Array.from(bytes.subarray(at * numbers, (at + rows) * numbers));
            const input = { type: 'float32', dims: [rows, channels, size, size], data } as const;
            const { scores } = await classifier.infer({ input });
            const all = scores?.data as Float32Array;
            for (let row = 0; row < rows; row++) {
              const own = all.subarray(row * labels.length, (row + 1) * labels.length);
              if (labels[own.indexOf(Math.max(...own))] === label) right += 1;
              asked += 1;
            }
          }
        }
        return { time, task, right, asked, isolated: crossOriginIsolated };
      },
      { folder, size, channels, options, counts },
    ),
  );
  const { time, task, right, asked } = found;
  return `${found.isolated ? 'two threads' : 'one thread'}, at most ${options.epochs} epochs, ${seconds(time)}: ${percent(right / asked)} of ${asked} test pictures; longest task of the page ${task} ms`;
}

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
const percent = (part: number) => `${(100 * part).toFixed(2)} %`;
