import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TabserveError } from '../base/errors.js';
import { diagnostics } from '../serving/diagnostics.js';
import type { Environment } from '../serving/environment.js';
import { settle, World } from '../serving/testing/world.js';
import { ImageClassifier } from './image-classifier.js';

/** The page's platform, by another one whose clock stands still. */
const stage = vi.hoisted(() => ({ world: undefined as unknown }));
vi.mock('../serving/environment.js', async (original) => {
  const actual = await original<typeof import('../serving/environment.js')>();
  const page = new Proxy({} as Environment, {
    get: (_, name) => Reflect.get(stage.world as object, name),
  });
  return { ...actual, page };
});

let world: World;
beforeEach(() => {
  world = new World();
  stage.world = world;
  vi.stubGlobal('Worker', class {});
  vi.stubGlobal('navigator', { hardwareConcurrency: 4 });
});
afterEach(async () => {
  await world.advance(60_000);
  expect(diagnostics()).toMatchObject({ deployments: 0, models: 0, payloads: 0, heldBytes: 0 });
  expect([world.hosts.size, world.timers, world.listeners.size]).toEqual([0, 0, 0]);
  vi.unstubAllGlobals();
});

const options = { model: 'digits', device: 'wasm' } as const;
const loads = () => world.log.filter((line) => line.startsWith('load')).length;

async function inTime<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await world.advance(100);
  return promise;
}

it('uses a preload for equal options, however they are written', async () => {
  await inTime(ImageClassifier.preload(options));
  const classifier = await inTime(
    ImageClassifier.create({ threads: 'auto', dtype: 'auto', cdn: undefined as never, ...options }),
  );
  expect(loads()).toBe(1);
  const other = await inTime(ImageClassifier.create(options));
  expect(loads()).toBe(2);
  classifier.destroy();
  other.destroy();
});

it('uses a preload without options where create() writes the defaults out', async () => {
  await inTime(ImageClassifier.preload({ model: 'digits' }));
  const classifier = await inTime(
    ImageClassifier.create({ model: 'digits', device: 'auto', preprocessing: 'auto' }),
  );
  expect(loads()).toBe(1);
  classifier.destroy();
});

it('tells a create() of the load that a preload began', async () => {
  const preloading = ImageClassifier.preload(options);
  await world.advance(8);
  const heard: number[] = [];
  const creating = ImageClassifier.create({
    ...options,
    monitor: (monitor) =>
      monitor.addEventListener('downloadprogress', ({ loaded }) => heard.push(loaded)),
  });
  const classifier = await inTime(creating);
  await preloading;
  expect(heard).toEqual([1, 2]);
  classifier.destroy();
});

it('frees a preload whose create() is given up, at any moment', async () => {
  for (const moment of [0, 3, 8, 50]) {
    const preloading = ImageClassifier.preload(options).catch(() => undefined);
    await world.advance(moment);
    const controller = new AbortController();
    const creating = ImageClassifier.create({ ...options, signal: controller.signal });
    controller.abort('enough');
    await expect(creating).rejects.toBe('enough');
    await inTime(preloading);
    expect(diagnostics().deployments).toBe(0);
  }
});

it('tries a preload again that has failed', async () => {
  world.loadErrors.push(new TabserveError('model-not-found', 'It is missing.'));
  await expect(inTime(ImageClassifier.preload(options))).rejects.toMatchObject({
    code: 'model-not-found',
  });
  await inTime(ImageClassifier.preload(options));
  const classifier = await inTime(ImageClassifier.create(options));
  expect(loads()).toBe(1);
  classifier.destroy();
});

it('tries a preload again for which there was no device', async () => {
  const gpu = { model: 'digits', device: 'webgpu' } as const;
  await expect(inTime(ImageClassifier.preload(gpu))).rejects.toMatchObject({ code: 'unsupported' });
  const adapter = { info: { isFallbackAdapter: false } };
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } });
  await inTime(ImageClassifier.preload(gpu));
  const classifier = await inTime(ImageClassifier.create(gpu));
  expect(world.workers.map(({ host }) => host.device)).toEqual(['webgpu']);
  classifier.destroy();
});

it('tells models apart by their files', async () => {
  const [file, garbage] = [new File(['model'], 'a'), new File(['garbage'], 'a')];
  const classifier = await inTime(ImageClassifier.create({ ...options, model: [file] }));
  const of = (more: object) => ImageClassifier.availability({ ...options, ...more });
  expect(await of({ model: [file] })).toBe('available');
  expect(await of({ model: [garbage] })).toBe('downloadable');
  classifier.destroy();
});

it('tells models apart by where they come from', async () => {
  const of = (more: object) => ImageClassifier.availability({ ...options, ...more });
  const named = await inTime(ImageClassifier.create({ ...options, modelsUrl: 'https://a/' }));
  expect(await of({ modelsUrl: 'https://a/' })).toBe('available');
  expect(await of({ modelsUrl: 'https://b/' })).toBe('downloadable');
  const creating = ImageClassifier.create({ ...options, modelsUrl: 'https://b/' });
  expect(await of({ modelsUrl: 'https://b/' })).toBe('downloading');
  const third = await inTime(creating);
  for (const each of [named, third]) each.destroy();
});

it('counts, reports, limits and times requests', async () => {
  const classifier = await inTime(ImageClassifier.create({ ...options, maxQueue: 2 }));
  const heard: string[] = [];
  classifier.addEventListener('request', ({ detail }) => heard.push(detail.id));
  world.takes.run = 50;
  const asked = ['a', 'b', 'c'].map((name) =>
    classifier.classify(`https://a/${name}.png`, { id: name }).then(
      () => 'done',
      ({ code, details }: TabserveError) => `${code} ${details.id}`,
    ),
  );
  await world.advance(500);
  expect(await Promise.all(asked)).toEqual(['done', 'done', 'queue-full c']);
  expect(heard).toEqual(['a', 'b']);
  world.runErrors.push(new TabserveError('image-undecodable', 'No picture.'));
  await expect(inTime(classifier.classify(['https://a/1', 'https://a/2']))).rejects.toMatchObject({
    code: 'image-undecodable',
    details: { image: 0 },
  });
  await expect(classifier.classify('https://a/', { timeout: 0 })).rejects.toMatchObject({
    code: 'timeout',
  });
  expect(classifier.metrics()).toMatchObject({ pending: 0, workers: 1 });
  classifier.destroy();
  await expect(classifier.classify('https://a/')).rejects.toMatchObject({ code: 'destroyed' });
  await expect(classifier.refresh()).rejects.toMatchObject({ code: 'destroyed' });
  await settle();
});
