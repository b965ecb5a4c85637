/** What the element does when: sources, answers, leases, errors, the camera. How it looks is a browser's to show. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../base/deferred.js';
import { type Classification, TabserveError } from '../index.js';
import {
  type TestElement,
  type TestImage,
  TestObserver,
  type TestVideo,
  testDocument,
} from '../testing/dom.js';
import type { TabserveClassifierElement } from './element.js';

interface Question {
  image: unknown;
  options: { signal: AbortSignal; [option: string]: unknown };
  answer(classifications: readonly Partial<Classification>[]): Promise<void>;
  fail(error: unknown): Promise<void>;
}

interface TestLease {
  options: { model?: string; lang: string[]; [option: string]: unknown };
  progress(event: { loaded: number; total: number; progress: number }): void;
  ready(languages?: number): Promise<void>;
  fail(error: unknown): Promise<void>;
  isReleased: boolean;
}

const { leases, questions, videos, log } = vi.hoisted(() => ({
  leases: [] as TestLease[],
  questions: [] as Question[],
  videos: [] as { options: { signal: AbortSignal; maxFps: number }; frame(label?: string): void }[],
  /** Leases that are taken and given up, in order. */
  log: [] as string[],
}));

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

vi.mock('../leasing/shared-classifiers.js', () => ({
  leaseClassifier(options: TestLease['options'], onProgress: (event: object) => void) {
    const name = options.model ?? 'default';
    log.push(`take ${name}`);
    const { promise, resolve, reject } = deferred<unknown>();
    const lease: TestLease = {
      options,
      isReleased: false,
      progress: (event) => onProgress({ lengthComputable: event.total > 0, ...event }),
      ready: (languages = 1) => {
        const model = { languages: Array.from({ length: languages }) };
        resolve({ name, info: { model }, classify, watch });
        return settle();
      },
      fail: (error) => {
        reject(error);
        return settle();
      },
    };
    leases.push(lease);
    const release = () => {
      if (!lease.isReleased) log.push(`release ${name}`);
      lease.isReleased = true;
    };
    return { classifier: promise, release };
  },
}));

function classify(image: unknown, options: Question['options']): Promise<unknown> {
  return new Promise((resolve, reject) => {
    questions.push({
      image,
      options,
      answer: (classifications) => {
        resolve(classifications);
        return settle();
      },
      fail: (error) => {
        reject(error);
        return settle();
      },
    });
  });
}

async function* watch(_video: object, options: { signal: AbortSignal; maxFps: number }) {
  const frames: (string | undefined)[] = [];
  let wake = () => {};
  videos.push({
    options,
    frame: (label) => {
      frames.push(label);
      wake();
    },
  });
  options.signal.addEventListener('abort', () => wake());
  for (;;) {
    for (const label of frames.splice(0)) {
      yield { classifications: label === undefined ? [] : [{ label, score: 0.9 }] };
    }
    if (options.signal.aborted) throw options.signal.reason;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

type Made = TabserveClassifierElement & TestElement;
const make = (name: string) => testDocument.createElement(name);
/** An element, its attributes, and what happened to it. */
function element(attributes: Record<string, string> = {}): Made & { events: Event[] } {
  const made = make('tabserve-classifier') as unknown as Made & { events: Event[] };
  const events: Event[] = [];
  for (const type of ['load', 'progress', 'result', 'error', 'camerastart', 'camerastop']) {
    made.addEventListener(type, (event: Event) => events.push(event));
  }
  made.addEventListener('error', (event) => event.preventDefault());
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return Object.assign(made, { events });
}
/** The same in the document, with a model. */
async function started(attributes: Record<string, string> = { src: 'a.jpg' }, languages?: number) {
  const made = element(attributes);
  testDocument.append(made);
  await settle();
  await leases.at(-1)?.ready(languages);
  return made;
}
const part = (made: Made, name: string) =>
  made.shadow?.all.find((each) => each.getAttribute('part') === name) as TestElement;
const texts = (made: Made, name: string) =>
  made.shadow?.all.filter((each) => each.getAttribute('part') === name).map((e) => e.textContent);
const announcer = (made: Made) =>
  made.shadow?.all.find(({ className }) => className === 'announcer') as TestElement;
const status = (made: Made) => part(made, 'status').textContent;
const types = ({ events }: { events: Event[] }) => events.map(({ type }) => type);
const picture = (type = 'image/png') => new File(['x'], 'a', { type });

await import('./element.js');

beforeEach(() => {
  vi.stubGlobal('navigator', { language: 'en-GB' });
});
afterEach(async () => {
  testDocument.replaceChildren();
  // Elements that are gone give their leases up a moment later.
  await new Promise((resolve) => setTimeout(resolve));
  const [taken, asked] = [leases.splice(0), questions.splice(0)];
  for (const each of [videos, log]) each.length = 0;
  expect(taken.filter(({ isReleased }) => !isReleased)).toEqual([]);
  expect(asked.filter(({ options }) => !options.signal.aborted)).toEqual([]);
  expect(TestObserver.all.size).toBe(0);
  vi.restoreAllMocks();
});

describe('a question', () => {
  it('is asked once for all changes of a moment, with the options of the attributes', async () => {
    const made = element({ model: 'flowers', device: 'wasm', 'worker-url': '/w/', src: 'x' });
    testDocument.append(made);
    made.src = 'a.jpg';
    made.topK = 2;
    made.classify();
    await settle();
    expect(leases).toHaveLength(1);
    expect(leases[0]?.options).toEqual({
      model: 'flowers',
      device: 'wasm',
      workerUrl: '/w/',
      lang: ['en-GB'],
    });
    expect(made.info).toBeNull();
    await leases[0]?.ready();
    expect(made.info).not.toBeNull();
    expect(questions).toHaveLength(1);
    const [{ image, options }] = questions as [Question];
    expect(image).toBe('a.jpg');
    // Without a threshold scores below 0 are answers too.
    expect(options).toEqual({ topK: 2, signal: expect.any(AbortSignal) });
    made.threshold = 0.25;
    made.thresholds = { 'tabby cat': 0.3, 'a: b': 0.5 };
    await settle();
    expect(options.signal.aborted).toBe(true);
    expect(questions[1]?.options).toMatchObject({
      threshold: 0.25,
      thresholds: { 'tabby cat': 0.3, 'a: b': 0.5 },
    });
    await questions[1]?.answer([{ label: 'cat', score: 0.8 }]);
    expect(types(made)).toEqual(['load', 'result']);
    expect(made.classifications).toEqual([{ label: 'cat', score: 0.8 }]);
    expect((made.events[1] as CustomEvent).detail).toBe(made.classifications);
    expect(texts(made, 'label')).toEqual(['cat']);
    expect(texts(made, 'score')).toEqual(['80%']);
  });

  it('that was asked anew gives no late answer, and no late error', async () => {
    const made = await started();
    made.src = 'b.jpg';
    await settle();
    made.src = 'c.jpg';
    await settle();
    const [first, second, third] = questions;
    await first?.answer([{ label: 'late', score: 1 }]);
    await second?.fail(new Error('late'));
    expect(types(made)).toEqual(['load']);
    expect(texts(made, 'label')).toEqual([]);
    await third?.answer([]);
    expect(types(made)).toEqual(['load', 'result']);
    expect(status(made)).toBe('Nothing was recognised.');
    // An attribute that is set to what it was asks nothing.
    made.setAttribute('src', 'c.jpg');
    await settle();
    expect(questions).toHaveLength(3);
  });

  it('that takes long is said to, and not after its end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const made = await started();
      vi.advanceTimersByTime(999);
      expect(status(made)).toBe('');
      vi.advanceTimersByTime(1);
      expect(status(made)).not.toBe('');
      await questions[0]?.answer([{ label: 'cat', score: 1 }]);
      expect(status(made)).toBe('');
      made.src = 'b.jpg';
      await settle();
      made.remove();
      vi.advanceTimersByTime(5000);
      expect(status(made)).toBe('');
    } finally {
      vi.useRealTimers();
    }
  });

  it('waits until the page is parsed', async () => {
    testDocument.readyState = 'loading';
    const made = element({ for: 'later' });
    testDocument.append(made);
    await settle();
    expect(types(made)).toEqual([]);
    const image = make('img');
    image.setAttribute('id', 'later');
    testDocument.append(image);
    testDocument.readyState = 'complete';
    testDocument.dispatchEvent(new Event('DOMContentLoaded'));
    await settle();
    await leases[0]?.ready();
    expect(questions[0]?.image).toBe(image);
  });
});

describe('the picture', () => {
  it('is that of `for`, before `src`, before the first one inside', async () => {
    const host = make('div');
    const root = host.attachShadow();
    const [inner, outer, inside] = ['img', 'canvas', 'img'].map(make) as TestElement[];
    inner?.setAttribute('id', 'photo');
    outer?.setAttribute('id', 'photo');
    testDocument.append(host, outer as TestElement);
    const made = element({ for: 'photo', src: 'a.jpg' });
    made.append(make('p'), inside as TestElement);
    root.append(inner as TestElement, made);
    await settle();
    await leases[0]?.ready();
    expect(questions.at(-1)?.image).toBe(inner);
    inner?.remove();
    made.classify();
    await settle();
    expect(questions.at(-1)?.image).toBe(outer);
    made.removeAttribute('for');
    await settle();
    expect(questions.at(-1)?.image).toBe('a.jpg');
    made.removeAttribute('src');
    await settle();
    expect(questions.at(-1)?.image).toBe(inside);
    inside?.remove();
    made.shadow?.querySelector('slot')?.dispatchEvent(new Event('slotchange'));
    await settle();
    expect(questions).toHaveLength(4);
    expect(types(made)).toEqual(['load']);
  });

  it.each([
    [undefined, 'the page has none with this id'],
    ['p', 'names a <p>'],
  ])('that `for` does not name is an error (%s)', async (tag, words) => {
    if (tag) {
      const other = make(tag);
      other.setAttribute('id', 'photo');
      testDocument.append(other);
    }
    const made = element({ for: 'photo' });
    testDocument.append(made);
    await settle();
    expect(made.events).toMatchObject([
      { type: 'error', error: { code: 'invalid-argument', details: { for: 'photo' } } },
    ]);
    expect((made.events[0] as ErrorEvent).message).toContain(words);
    expect(leases).toEqual([]);
  });

  it.each([
    ['top-k', 'topK'],
    ['threshold', 'threshold'],
  ])('with a word as %s is an error that names it', async (name, option) => {
    const made = element({ src: 'a.jpg', [name]: 'many' });
    testDocument.append(made);
    await settle();
    expect(made.events).toMatchObject([
      { type: 'error', error: { code: 'invalid-argument', details: { option } } },
    ]);
    expect((made.events[0] as ErrorEvent).message).toContain(`${name}="many"`);
    expect(leases).toEqual([]);
  });

  it('with misspelt attributes warns of them, and of no others', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const names = ['src', 'topk', 'treshold', 'text-workin', 'data-for', 'aria-label', 'id'];
    testDocument.append(element(Object.fromEntries(names.map((name) => [name, '0.5']))));
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      '<tabserve-classifier> has no attribute "topk". Did you mean "top-k"?',
      '<tabserve-classifier> has no attribute "treshold". Did you mean "threshold"?',
      '<tabserve-classifier> has no attribute "text-workin". Did you mean "text-working"?',
    ]);
    warn.mockRestore();
  });

  it('is classified when it has loaded, each time, until it is another', async () => {
    const image = make('img') as TestImage;
    image.complete = false;
    const made = element();
    made.append(image);
    testDocument.append(made);
    await settle();
    await leases[0]?.ready();
    expect(questions).toHaveLength(0);
    image.dispatchEvent(new Event('load'));
    image.dispatchEvent(new Event('error'));
    expect(questions.map((each) => each.image)).toEqual([image, image]);
    image.complete = true;
    made.topK = 1;
    await settle();
    expect(questions).toHaveLength(3);
    image.dispatchEvent(new Event('load'));
    expect(questions).toHaveLength(4);
    made.src = 'a.jpg';
    await settle();
    image.dispatchEvent(new Event('load'));
    expect(questions).toHaveLength(5);
  });

  it('that is lazy loads nothing before it is about to be seen', async () => {
    const image = make('img');
    const made = element({ lazy: '' });
    made.append(image);
    testDocument.append(made);
    await settle();
    const [observer] = TestObserver.all;
    expect([observer?.seen, observer?.options]).toEqual([[image], { rootMargin: '200px' }]);
    observer?.hear([{ isIntersecting: false }]);
    await settle();
    expect(leases).toHaveLength(0);
    observer?.hear([{ isIntersecting: false }, { isIntersecting: true }]);
    await settle();
    expect([leases.length, TestObserver.all.size]).toEqual([1, 0]);
    made.src = 'a.jpg';
    await settle();
    expect([...TestObserver.all].map(({ seen }) => seen)).toEqual([[made]]);
  });

  it('of a video is followed, and said to be nothing without a word', async () => {
    const video = make('video');
    const made = element({ 'top-k': '1' });
    made.append(video);
    testDocument.append(made);
    await settle();
    await leases[0]?.ready();
    expect(videos[0]?.options).toMatchObject({ topK: 1, maxFps: 8 });
    videos[0]?.frame('cat');
    videos[0]?.frame();
    await settle();
    expect(types(made)).toEqual(['load', 'result', 'result']);
    expect([made.classifications, status(made)]).toEqual([[], '']);
    made.topK = 2;
    await settle();
    expect(videos.map(({ options }) => options.signal.aborted)).toEqual([true, false]);
    expect(types(made)).not.toContain('error');
  });
});

describe('a model', () => {
  it('is kept for the same options, and given up only after the next one is taken', async () => {
    const made = await started({ src: 'a.jpg', model: 'one' });
    made.src = 'b.jpg';
    await settle();
    expect(log).toEqual(['take one']);
    made.model = 'two';
    await settle();
    expect(log).toEqual(['take one', 'take two', 'release one']);
    expect(made.info).toBeNull();
    await leases[1]?.ready();
    expect(types(made)).toEqual(['load', 'load']);
  });

  it('stays with an element that is moved, and goes with one that is gone', async () => {
    const listening = vi.spyOn(testDocument, 'addEventListener');
    const left = vi.spyOn(testDocument, 'removeEventListener');
    const made = await started({ src: 'a.jpg', model: 'one' });
    const box = make('div');
    testDocument.append(box);
    box.append(made);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([log, questions.length]).toEqual([['take one'], 2]);
    made.remove();
    expect(questions[1]?.options.signal.aborted).toBe(true);
    await vi.waitFor(() => expect(log).toEqual(['take one', 'release one']));
    expect(left.mock.calls).toEqual(listening.mock.calls);
    testDocument.append(made);
    await settle();
    expect(log.at(-1)).toBe('take one');
  });

  it('that fails may be tried again, and one of before is no news', async () => {
    const made = element({ src: 'a.jpg', model: 'one' });
    testDocument.append(made);
    await settle();
    made.model = 'two';
    await settle();
    await leases[0]?.fail(new TabserveError('network', 'late'));
    expect(types(made)).toEqual([]);
    expect(leases[1]?.isReleased).toBe(false);
    await leases[1]?.fail(new TabserveError('network', 'no network'));
    expect(types(made)).toEqual(['error']);
    // Without a model what did not come is not the picture.
    expect(status(made)).toBe('The image classifier could not be started.');
    made.classify();
    await settle();
    expect(log).toEqual(['take one', 'take two', 'release one', 'release two', 'take two']);
  });

  it('tells how far its load is, in words and as events', async () => {
    const made = element({ src: 'a.jpg', 'text-loading': 'Wait' });
    testDocument.append(made);
    await settle();
    leases[0]?.progress({ loaded: 5, total: 0, progress: 0 });
    expect(status(made)).toBe('Wait');
    leases[0]?.progress({ loaded: 19, total: 100, progress: 0.19 });
    expect(status(made)).toContain('10%');
    const before = part(made, 'status').textChanges;
    leases[0]?.progress({ loaded: 15, total: 100, progress: 0.15 });
    // A screen reader would read every change.
    expect(part(made, 'status').textChanges).toBe(before);
    expect(made.events.at(-1)).toMatchObject({ loaded: 15, total: 100, lengthComputable: true });
    await leases[0]?.ready();
    expect(status(made)).toBe('');
  });
});

describe('an error', () => {
  it.each([
    ['image-undecodable', 'picture'],
    ['network', 'picture'],
    ['worker-crashed', 'start'],
  ] as const)('%s is one of the %s', async (code, what) => {
    const made = await started();
    await questions[0]?.answer([{ label: 'cat', score: 1 }]);
    made.classify();
    await settle();
    const error = new TabserveError(code, 'It is so.');
    await questions[1]?.fail(error);
    expect(made.events.at(-1)).toMatchObject({ type: 'error', error, message: 'It is so.' });
    expect(texts(made, 'label')).toEqual([]);
    const words = what === 'picture' ? 'This picture could not be read.' : /could not be started/;
    expect(status(made)).toMatch(words);
  });

  it('is written to the console, unless the page says that it knows', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const made = await started();
    await questions[0]?.fail(new Error('known'));
    expect(said).not.toHaveBeenCalled();
    const loud = make('tabserve-classifier');
    loud.setAttribute('src', 'a.jpg');
    testDocument.append(loud);
    await settle();
    await leases[1]?.ready();
    const error = new Error('unknown');
    await questions[1]?.fail(error);
    expect(said).toHaveBeenCalledExactlyOnceWith(error);
    expect(status(made)).not.toBe('');
  });
});

describe('the words', () => {
  it('are the property’s, else the attribute’s, else the language’s', async () => {
    const made = element({ src: 'a.jpg', lang: 'de', 'text-no-answer': 'Nix', picker: '' });
    testDocument.append(made);
    await settle();
    await leases[0]?.ready();
    await questions[0]?.answer([]);
    expect(status(made)).toBe('Nix');
    expect(part(made, 'button').textContent).toBe('Bild auswählen');
    made.texts = { noAnswer: 'Gar nix' };
    expect(status(made)).toBe('Gar nix');
    made.texts = {};
    made.removeAttribute('text-no-answer');
    made.setAttribute('lang', 'zh');
    expect(status(made)).toMatch(/\p{Script=Han}/u);
    expect(part(made, 'button').textContent).toBe('选择图片');
  });

  it('are in the language that is around, also of a shadow tree', async () => {
    const page = make('div');
    page.setAttribute('lang', 'de-AT');
    const host = make('div');
    page.append(host);
    const made = element({ src: 'a.jpg', picker: '' });
    host.attachShadow().append(made);
    testDocument.append(page);
    await settle();
    expect(leases[0]?.options.lang).toEqual(['de-AT']);
    expect(part(made, 'button').textContent).toBe('Bild auswählen');
  });

  it('change without a load, unless the labels come in several languages', async () => {
    const one = await started({ src: 'a.jpg', model: 'one', lang: 'en' }, 1);
    one.setAttribute('lang', 'de');
    await settle();
    expect(log).toEqual(['take one']);
    const two = await started({ src: 'a.jpg', model: 'two', lang: 'en' }, 2);
    two.setAttribute('lang', 'de');
    await settle();
    expect(log).toEqual(['take one', 'take two', 'take two', 'release two']);
    expect(leases.at(-1)?.options.lang).toEqual(['de']);
  });

  it('of an unsure answer name the group, and scores are in the language', async () => {
    const made = await started({ src: 'a.jpg', lang: 'de' });
    await questions[0]?.answer([
      { label: 'Terrier <b>', score: 0.345, group: 'Hund' },
      { label: 'Pudel', score: 0.3, group: 'Hund' },
      { label: 'Nichts', score: -2 },
    ]);
    expect(part(made, 'summary').textContent).toBe('Unsicher: Hund, vielleicht Terrier <b>');
    expect(texts(made, 'score')).toEqual(['34,5\u00a0%', '30\u00a0%', '-200\u00a0%']);
    const bars = made.shadow?.all.filter((each) => each.getAttribute('part') === 'bar');
    expect(bars?.map(({ styles }) => styles.get('--score'))).toEqual(['0.345', '0.3', '0']);
    expect(announcer(made).textContent).toBe('Unsicher: Hund, vielleicht Terrier <b>');
    made.setAttribute('lang', 'en');
    expect(texts(made, 'score')?.[0]).toBe('34.5%');
    made.setAttribute('lang', 'no language');
    expect(texts(made, 'score')?.[0]).toMatch(/34[.,]5/);
  });

  it('of a still picture are read out each time, of a video what lasts for two seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const made = await started();
      await questions[0]?.answer([{ label: 'cat', score: 0.9 }]);
      const before = announcer(made).textChanges;
      made.classify();
      await settle();
      await questions[1]?.answer([{ label: 'cat', score: 0.9 }]);
      // Once to nothing: an equal text would not be read.
      expect(announcer(made).textChanges).toBe(before + 2);

      const video = make('video');
      made.removeAttribute('src');
      made.append(video);
      await settle();
      const show = async (label: string, milliseconds: number) => {
        videos[0]?.frame(label);
        await settle();
        vi.advanceTimersByTime(milliseconds);
        return announcer(made).textContent;
      };
      expect(await show('dog', 1900)).toBe('cat');
      expect(await show('fox', 1900)).toBe('cat');
      expect(await show('fox', 100)).toBe('fox');
      const said = announcer(made).textChanges;
      await show('dog', 500);
      expect(await show('fox', 3000)).toBe('fox');
      expect(announcer(made).textChanges).toBe(said);
    } finally {
      vi.useRealTimers();
    }
  });

  it('mirror in properties what stands in attributes', () => {
    const made = element();
    expect([made.topK, made.threshold, made.device, made.src, made.model, made.htmlFor]).toEqual([
      5,
      0,
      'auto',
      '',
      '',
      '',
    ]);
    expect([made.picker, made.camera, made.lazy, made.thresholds]).toEqual([
      false,
      false,
      false,
      {},
    ]);
    Object.assign(made, { picker: true, camera: true, lazy: true, htmlFor: 'x', device: 'wasm' });
    for (const name of ['picker', 'camera', 'lazy']) expect(made.getAttribute(name)).toBe('');
    expect([made.getAttribute('for'), made.getAttribute('device')]).toEqual(['x', 'wasm']);
    made.picker = false;
    expect(made.hasAttribute('picker')).toBe(false);
    made.src = '../a.jpg';
    expect(made.src).toBe('https://page.example/a.jpg');
    made.setAttribute('src', 'http://:x');
    expect(made.src).toBe('http://:x');
    made.setAttribute('top-k', ' ');
    expect(made.topK).toBe(5);
  });
});

describe('a picture of the user’s', () => {
  /** A drag with files over the element. */
  const drag = (made: Made, type: string, files: File[], types = ['Files']) => {
    const transfer = { files, types, dropEffect: 'none' };
    const event = Object.assign(new Event(type, { cancelable: true }), { dataTransfer: transfer });
    made.dispatchEvent(event);
    return { ...transfer, isTaken: event.defaultPrevented };
  };
  const pasted = (path: unknown[], ...files: File[]) => {
    const event = Object.assign(new Event('paste', { cancelable: true }), {
      clipboardData: { files },
    });
    Object.defineProperty(event, 'composedPath', { value: () => path });
    return event;
  };
  const paste = (path: unknown[], ...files: File[]) =>
    !testDocument.dispatchEvent(pasted(path, ...files));
  beforeEach(() => {
    let count = 0;
    vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${count++}`);
    vi.spyOn(URL, 'revokeObjectURL').mockImplementation(() => undefined);
  });

  it('counts until the page’s own one changes, and is shown', async () => {
    const made = await started({ src: 'a.jpg', picker: '' });
    const [first, second] = [picture(), picture()];
    expect(drag(made, 'drop', [new File(['x'], 'a.txt'), first]).isTaken).toBe(true);
    await settle();
    expect(questions.at(-1)?.image).toBe(first);
    const preview = part(made, 'preview') as TestImage;
    expect([preview.src, preview.hidden]).toEqual(['blob:0', false]);
    made.setAttribute('for', 'photo');
    const image = make('img');
    image.setAttribute('id', 'photo');
    testDocument.append(image);
    await settle();
    expect(questions.at(-1)?.image).toBe(image);
    made.removeAttribute('for');
    drag(made, 'drop', [second]);
    await settle();
    expect(questions.at(-1)?.image).toBe(second);
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:0');
    made.topK = 1;
    await settle();
    expect(questions.at(-1)?.image).toBe(second);
    made.src = 'b.jpg';
    await settle();
    expect(questions.at(-1)?.image).toBe('b.jpg');
    expect([preview.src, preview.hidden]).toEqual(['', true]);
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:1');
  });

  it('is taken over the element only where it offers that', async () => {
    const made = await started();
    expect(drag(made, 'drop', [picture()]).isTaken).toBe(false);
    made.picker = true;
    expect(drag(made, 'dragover', [], ['text/plain']).isTaken).toBe(false);
    expect(drag(made, 'dragover', [])).toMatchObject({ isTaken: true, dropEffect: 'copy' });
    expect(part(made, 'controls').className).toBe('over');
    expect(drag(made, 'dragleave', []).isTaken).toBe(false);
    expect(part(made, 'controls').className).toBe('');
    drag(made, 'drop', []);
    drag(made, 'drop', [picture('text/plain')]);
    expect(status(made)).toBe('That is not a picture.');
    await settle();
    expect(questions).toHaveLength(1);
  });

  it('is chosen by the button, the same one twice if need be', async () => {
    const made = await started({ src: 'a.jpg', picker: '' });
    const input = made.shadow?.querySelector('input') as TestElement & {
      files: File[];
      value: string;
    };
    let clicks = 0;
    input.addEventListener('click', () => (clicks += 1));
    part(made, 'button').click();
    expect(clicks).toBe(1);
    const file = picture();
    Object.assign(input, { files: [file], value: 'C:\\fakepath\\a' });
    input.dispatchEvent(new Event('change'));
    await settle();
    expect([questions.at(-1)?.image, input.value]).toEqual([file, '']);
    Object.assign(input, { files: [] });
    input.dispatchEvent(new Event('change'));
    await settle();
    expect(questions).toHaveLength(2);
  });

  it('is pasted into the element with the focus, else into the first, and not where text is written', async () => {
    const one = await started({ src: 'a.jpg', picker: '' });
    const two = await started({ src: 'a.jpg', picker: '' });
    const plain = await started({ src: 'a.jpg' });
    const file = picture();
    questions.length = 0;
    expect(paste([testDocument], file)).toBe(true);
    expect(paste([two, testDocument], file)).toBe(true);
    await settle();
    expect(questions.map(({ image }) => image)).toEqual([file, file]);
    for (const made of [one, two, plain]) {
      expect(part(made, 'preview').hidden).toBe(made === plain);
    }
    const editor = make('div');
    editor.isContentEditable = true;
    for (const target of [make('input'), make('textarea'), editor]) {
      expect(paste([target, testDocument], file)).toBe(false);
    }
    expect(paste([testDocument], picture('text/plain'))).toBe(false);
    // The page has taken it.
    const taken = pasted([testDocument], file);
    taken.preventDefault();
    testDocument.dispatchEvent(taken);
    await settle();
    expect(questions).toHaveLength(2);
    one.remove();
    expect(paste([testDocument], file)).toBe(true);
    await settle();
    expect(questions.map(({ image }) => image)).toEqual([file, file, file]);
  });
});

describe('the camera', () => {
  interface Track {
    isStopped: boolean;
    onended?: () => void;
    stop(): void;
  }
  const tracks: Track[] = [];
  const open = () => tracks.filter(({ isStopped }) => !isStopped).length;
  /** A browser whose camera starts when the test says so. */
  function camera() {
    const asked: { constraints: unknown; give(): Promise<void> }[] = [];
    const getUserMedia = (constraints: unknown) =>
      new Promise((resolve) => {
        asked.push({
          constraints,
          give: () => {
            const track: Track = {
              isStopped: false,
              stop() {
                this.isStopped = true;
              },
            };
            tracks.push(track);
            resolve({ getTracks: () => [track] });
            return settle();
          },
        });
      });
    vi.stubGlobal('navigator', { language: 'en', mediaDevices: { getUserMedia } });
    return asked;
  }
  afterEach(() => {
    testDocument.replaceChildren();
    expect(open()).toBe(0);
    tracks.length = 0;
  });
  const button = (made: Made) =>
    made.shadow?.all.filter((each) => each.getAttribute('part') === 'button')[1] as TestElement;
  const film = (made: Made) =>
    made.shadow?.all.find(({ localName }) => localName === 'video') as TestVideo;

  it('is followed until it is stopped, and the page’s own picture counts again', async () => {
    const asked = camera();
    const made = await started({ src: 'a.jpg', camera: '' });
    expect(button(made).textContent).toBe('Start the camera');
    button(made).click();
    expect(questions[0]?.options.signal.aborted).toBe(true);
    expect(status(made)).toMatch(/camera/);
    expect(asked[0]?.constraints).toEqual({ video: { facingMode: 'environment' } });
    await asked[0]?.give();
    expect(button(made).textContent).toBe('Stop the camera');
    expect([videos.length, film(made).hidden]).toEqual([1, false]);
    videos[0]?.frame('cat');
    await settle();
    expect(made.classifications).toMatchObject([{ label: 'cat' }]);
    button(made).click();
    await settle();
    expect([open(), film(made).srcObject, film(made).hidden]).toEqual([0, null, true]);
    expect([questions.at(-1)?.image, made.classifications]).toEqual(['a.jpg', []]);
    expect(types(made)).toEqual(['load', 'camerastart', 'result', 'camerastop']);
    expect(videos[0]?.options.signal.aborted).toBe(true);
  });

  it('that is unplugged has stopped, and so it has for a picture that is dropped', async () => {
    const asked = camera();
    const made = await started({ src: 'a.jpg', camera: '' });
    void made.startCamera();
    await asked[0]?.give();
    tracks[0]?.onended?.();
    await settle();
    expect([types(made).at(-1), questions.at(-1)?.image]).toEqual(['camerastop', 'a.jpg']);
    void made.startCamera();
    await asked[1]?.give();
    made.remove();
    expect(open()).toBe(0);
  });

  it('that is stopped while it starts does not, and the picture is asked about again', async () => {
    const asked = camera();
    const made = await started({ src: 'a.jpg', camera: '' });
    void made.startCamera();
    made.stopCamera();
    await settle();
    expect([status(made), questions.length, questions.at(-1)?.image]).toEqual(['', 2, 'a.jpg']);
    await asked[0]?.give();
    expect([open(), film(made).srcObject]).toEqual([0, null]);
    // Of two starts the later one counts.
    void made.startCamera();
    void made.startCamera();
    await asked[2]?.give();
    const stream = film(made).srcObject;
    await asked[1]?.give();
    expect([open(), tracks[2]?.isStopped]).toEqual([1, true]);
    expect(film(made).srcObject).toBe(stream);
    expect(types(made).filter((type) => type === 'camerastart')).toHaveLength(1);
    void made.startCamera();
    made.remove();
    await asked[3]?.give();
    expect(open()).toBe(0);
  });

  it('of an element that is nowhere stays off', async () => {
    const asked = camera();
    const made = element({ camera: '' });
    void made.startCamera();
    await asked[0]?.give();
    expect([open(), types(made)]).toEqual([0, []]);
  });

  it('that cannot be played is switched off', async () => {
    const asked = camera();
    const made = await started({ src: 'a.jpg', camera: '' });
    film(made).refusal = new DOMException('no', 'NotSupportedError');
    const starting = made.startCamera();
    await Promise.all([
      expect(starting).rejects.toMatchObject({ code: 'image-not-ready' }),
      asked[0]?.give(),
    ]);
    expect([open(), film(made).srcObject]).toEqual([0, null]);
  });

  it.each([
    ['NotAllowedError', /was refused/],
    ['NotFoundError', /has no camera/],
    ['OverconstrainedError', /has no camera/],
    ['NotReadableError', /Another program/],
    ['TypeError', /may not use/],
  ])('says why it did not start: %s', async (name, words) => {
    camera();
    const made = await started({ src: 'a.jpg', camera: '' });
    const cause = new DOMException('no', name);
    navigator.mediaDevices.getUserMedia = () => Promise.reject(cause);
    await expect(made.startCamera()).rejects.toMatchObject({ code: 'image-not-ready', cause });
    expect(status(made)).toMatch(words);
    expect(made.events.at(-1)).toMatchObject({
      type: 'error',
      error: { details: { reason: name } },
    });
  });

  it('is not there where the page may not use one', async () => {
    const made = await started({ src: 'a.jpg', camera: '' });
    button(made).click();
    await settle();
    expect(made.events.at(-1)).toMatchObject({ type: 'error', error: { code: 'unsupported' } });
    expect(status(made)).toMatch(/may not use/);
  });
});
