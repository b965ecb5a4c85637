import { afterEach, describe, expect, it } from 'vitest';
import { TabserveError } from '../../base/errors.js';
import { MemoryLocks } from '../../testing/locks.js';
import type { WorkerConfig } from '../../wire/connection.js';
import { Deployment } from '../deployment.js';
import { type Answer, plansOf, type Source, settingsOf, settle, World } from '../testing/world.js';
import type { Channel } from './platform.js';
import { Tabs } from './tabs.js';

/** Several pages of one origin. */
class Origin {
  readonly locks = new MemoryLocks();
  readonly pages: Page[] = [];
  readonly channels = new Set<{ name: string; page: Page; channel: Channel }>();
  #nextId = 1;

  open(): Page {
    const page = new Page(this, `page ${this.pages.length}`);
    this.pages.push(page);
    return page;
  }

  newRequestId = () => this.#nextId++;

  openChannel(page: Page, name: string): Channel {
    const origin = this;
    const channel: Channel = {
      onmessage: null,
      postMessage(message: unknown) {
        const data = structuredClone(message);
        for (const other of origin.channels) {
          if (other.name !== name || other.channel === channel) continue;
          setImmediate(() => other.page.deliver(other.channel, data));
        }
      },
      close: () => void origin.channels.delete(entry),
    };
    const entry = { name, page, channel };
    this.channels.add(entry);
    return channel;
  }

  /** Lets time pass on all pages. */
  async advance(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 50) {
      for (const page of this.pages) {
        if (page.isRunning) await page.world.advance(50);
      }
      await settle();
    }
  }

  /** Until the promise settles. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    promise.then(end, end);
    for (let waited = 0; !isOver && waited < 60_000; waited += 50) await this.advance(50);
    if (!isOver) throw new Error('It did not end.');
    return promise;
  }
}

class Page {
  readonly world = new World();
  isRunning = true;
  #tabs: Tabs | undefined;
  readonly #asleep: (() => void)[] = [];

  constructor(
    readonly origin: Origin,
    readonly name: string,
  ) {}

  deliver(channel: Channel, data: unknown): void {
    const tell = () =>
      channel.onmessage?.call(channel as BroadcastChannel, { data } as MessageEvent);
    if (this.isRunning) tell();
    else this.#asleep.push(tell);
  }

  /** The browser stops it for a while. */
  freeze(): void {
    this.isRunning = false;
  }

  thaw(): void {
    this.isRunning = true;
    for (const tell of this.#asleep.splice(0)) tell();
  }

  /** It is gone without a word. */
  crash(): void {
    this.isRunning = false;
    this.origin.pages.splice(this.origin.pages.indexOf(this), 1);
    for (const entry of [...this.origin.channels]) {
      if (entry.page === this) this.origin.channels.delete(entry);
    }
    this.origin.locks.end(this.name);
  }

  deploy(model = 'one'): Deployment<Source, unknown> {
    const { world, origin, name } = this;
    return new Deployment<Source, unknown>({
      task: world.task as never,
      settings: settingsOf(model),
      plan: async () => plansOf(),
      environment: Object.assign(Object.create(world), {
        now: world.now,
        after: world.after,
        takeLease: (config: WorkerConfig) => {
          this.#tabs ??= new Tabs(
            'tabs',
            {
              page: name,
              locks: origin.locks.of(name),
              openChannel: (channel) => origin.openChannel(this, channel),
              now: world.now,
              after: world.after,
              random: () => 0,
              newRequestId: origin.newRequestId,
              transfer: (message) => message,
            },
            () => world.takeLease(config, false),
            () => {
              this.#tabs = undefined;
            },
          );
          return this.#tabs.take();
        },
      }),
    });
  }

  get hasWorker(): boolean {
    return this.world.workers.length > 0;
  }
}

const ask = (deployment: Deployment<Source, unknown>, id: number) =>
  deployment
    .run(
      { id },
      {},
      {
        captureNow: true,
        priority: 'normal',
        behind: 0,
        signal: new AbortController().signal,
        timeLeft: () => null,
      },
    )
    .then(({ answer }) => (answer as Answer).source.id);

describe('tabs that share a worker', () => {
  let origin: Origin;
  const opened: Deployment<Source, unknown>[] = [];

  async function start(count: number) {
    origin = new Origin();
    const pages = Array.from({ length: count }, () => origin.open());
    const models = pages.map((page) => page.deploy());
    opened.push(...models);
    await Promise.all(models.map((model) => origin.until(model.load())));
    return { pages, models };
  }

  afterEach(async () => {
    for (const model of opened.splice(0)) model.destroy();
    await origin.advance(200);
    // Nothing of the pages that are left stays.
    expect(origin.locks.holders).toEqual({});
    expect(origin.channels.size).toBe(0);
    for (const { world } of origin.pages) {
      expect(world.workers).toEqual([]);
      expect(world.payloads.size).toBe(0);
    }
  });

  it('load a model once, and each gets its own answers', async () => {
    const { pages, models } = await start(3);
    expect(pages.filter(({ hasWorker }) => hasWorker)).toHaveLength(1);
    expect(pages.flatMap(({ world }) => world.models)).toEqual([1]);
    const asked = models.map((model, index) => ask(model, index));
    expect(await origin.until(Promise.all(asked))).toEqual([0, 1, 2]);
  });

  it('unload what the last of them gives up, and only that', async () => {
    const { pages, models } = await start(2);
    const other = pages.map((page) => page.deploy('two'));
    opened.push(...other);
    for (const model of other) await origin.until(model.load());
    const loaded = () => pages.flatMap(({ world }) => world.models);
    expect(loaded()).toHaveLength(2);
    models[0]?.destroy();
    await origin.advance(100);
    expect(loaded()).toHaveLength(2);
    models[1]?.destroy();
    await origin.advance(100);
    expect(loaded()).toHaveLength(1);
  });

  it('go on in another tab when the one with the worker is gone, and lose no request', async () => {
    const { pages, models } = await start(3);
    const holder = pages.findIndex(({ hasWorker }) => hasWorker);
    const rest = models.filter((_model, index) => index !== holder);
    const asked = rest.flatMap((model, index) => [ask(model, index), ask(model, index + 10)]);
    await settle();
    pages[holder]?.crash();
    expect(await origin.until(Promise.all(asked))).toEqual([0, 10, 1, 11]);
    expect(origin.pages.filter(({ hasWorker }) => hasWorker)).toHaveLength(1);
    expect(rest.map(({ state }) => state)).toEqual(['ready', 'ready']);
    opened.splice(holder, 1);
  });

  it('give the worker on when its tab no longer needs it', async () => {
    const { pages, models } = await start(2);
    const holder = pages.findIndex(({ hasWorker }) => hasWorker);
    models[holder]?.destroy();
    const other = models[1 - holder];
    if (!other) throw new Error('no other');
    expect(await origin.until(ask(other, 7))).toBe(7);
    expect(pages[1 - holder]?.hasWorker).toBe(true);
    expect(pages[holder]?.hasWorker).toBe(false);
  });

  it('take the worker from a tab that the browser has frozen, which then joins the others', async () => {
    const { pages, models } = await start(2);
    const holder = pages.findIndex(({ hasWorker }) => hasWorker);
    const [frozen, other] = [pages[holder], models[1 - holder]];
    if (!frozen || !other) throw new Error('no pages');
    frozen.freeze();
    expect(await origin.until(ask(other, 7))).toBe(7);
    expect(pages[1 - holder]?.hasWorker).toBe(true);
    frozen.thaw();
    await origin.advance(500);
    const back = models[holder];
    if (!back) throw new Error('no model');
    expect(await origin.until(ask(back, 8))).toBe(8);
    expect(frozen.hasWorker).toBe(false);
  });

  it('are told when the worker dies, and have it again', async () => {
    const { pages, models } = await start(2);
    const [worker] = pages.flatMap(({ world }) => world.workers);
    const asked = models.map((model, index) => ask(model, index));
    await settle();
    worker?.die(new TabserveError('worker-crashed', 'It died.'));
    expect(await origin.until(Promise.all(asked))).toEqual([0, 1]);
    expect(models.map(({ restarts }) => restarts)).toEqual([1, 1]);
  });

  it('forget what a tab had that is gone', async () => {
    const { pages, models } = await start(2);
    const holder = pages.findIndex(({ hasWorker }) => hasWorker);
    const lonely = pages[1 - holder]?.deploy('two');
    if (!lonely) throw new Error('no page');
    await origin.until(lonely.load());
    expect(pages[holder]?.world.models).toHaveLength(2);
    pages[1 - holder]?.crash();
    await origin.advance(100);
    expect(pages[holder]?.world.models).toHaveLength(1);
    opened.splice(1 - holder, 1);
    expect(models).toHaveLength(2);
  });

  it('renew each for itself', async () => {
    const { pages, models } = await start(2);
    for (const { world } of pages) world.version = 2;
    const [first, second] = models;
    if (!first || !second) throw new Error('no models');
    await origin.until(first.renew({}));
    const loaded = () => pages.flatMap(({ world }) => world.models).sort();
    expect(loaded()).toEqual([1, 2]);
    await origin.until(second.renew({}));
    await origin.advance(100);
    // The second found what the first had brought.
    expect(loaded()).toEqual([2]);
  });

  it('do not suffer from a load that another tab gives up', async () => {
    origin = new Origin();
    const pages = [origin.open(), origin.open()];
    for (const { world } of pages) world.takes.load = 1000;
    const [one, two] = pages.map((page) => page.deploy());
    if (!one || !two) throw new Error('no models');
    opened.push(one, two);
    const given = one.load();
    const kept = two.load();
    given.catch(() => undefined);
    await origin.advance(500);
    one.destroy();
    await origin.until(kept);
    await expect(given).rejects.toMatchObject({ code: 'destroyed' });
    expect(await origin.until(ask(two, 3))).toBe(3);
  });
});
