/**
 * One worker for all tabs of an origin.
 *
 * The tab that has the Web Lock holds the worker; the others stand in line for the lock and send it
 * their calls. When it closes or crashes, the browser gives the lock to the next in line, which
 * starts a worker and says so. The others then see their worker as dead, and do what they do when
 * one dies. A tab that has the lock and is silent, frozen by the browser, has it taken away.
 */
import { deferred } from '../../base/deferred.js';
import { TabserveError } from '../../base/errors.js';
import type { Fallback } from '../../base/types.js';
import type { ProgressListener } from '../../wire/progress.js';
import type { LoadRequest } from '../../wire/protocol.js';
import type { Lease, WorkerLink } from '../environment.js';
import { Slots } from '../request-queue.js';
import { FarHolder, FarPage, holderPatience } from './far.js';
import { type HeldCallOptions, Holder } from './holder.js';
import type { CommonMessage, SharedCall } from './messages.js';
import { type Channel, lookInterval, type TabsPlatform } from './platform.js';

/** Requests that a tab may have with the worker at a time. */
const slotsPerTab = 4;

/** Milliseconds that a worker may be silent over a call that does not say otherwise. */
const defaultPatience = 60_000;

/** Where calls go: to this tab's own worker, or to another tab. */
type Seat = Pick<FarHolder, 'call' | 'leave' | 'replace'> & { fallbacks: readonly Fallback[] };

/** What this tab has while it is the one that holds the models. */
interface Held {
  /** The tab and the term. */
  name: string;
  holder: Holder;
  /** The other tabs, by page. */
  pages: Map<string, FarPage>;
}

/** The worker of one configuration, as this page sees it. */
export class Tabs {
  readonly slots = new Slots(slotsPerTab);
  readonly #name: string;
  readonly #platform: TabsPlatform;
  readonly #takeLease: () => Lease;
  readonly #onEmpty: () => void;
  readonly #common: Channel;
  readonly #leases = new Set<TabLease>();
  readonly #life = new AbortController();
  /** Settles when this page has the lock whose release tells others of its end. */
  readonly #isKnown: Promise<void>;
  /** Withdraws from the line, or gives the lock back. */
  #resign: () => void = () => undefined;
  #held: Held | undefined;
  #far: FarHolder | undefined;
  #seat: Promise<Seat> | undefined;
  #wake: () => void = () => undefined;
  #terms = 0;

  /**
   * @param name - The same for all tabs that want the same worker.
   * @param takeLease - A worker of this page's own.
   * @param onEmpty - Called when nobody uses it any more; it is of no use then.
   */
  constructor(name: string, platform: TabsPlatform, takeLease: () => Lease, onEmpty: () => void) {
    this.#name = name;
    this.#platform = platform;
    this.#takeLease = takeLease;
    this.#onEmpty = onEmpty;
    this.#common = platform.openChannel(name);
    this.#common.onmessage = ({ data }: MessageEvent<CommonMessage>) => this.#hear(data);
    const { promise, resolve } = deferred<void>();
    this.#isKnown = promise;
    const { signal } = this.#life;
    const untilEnd = () => {
      resolve();
      return new Promise<void>((end) => signal.addEventListener('abort', () => end()));
    };
    platform.locks
      .request(this.#aliveLock(platform.page), { signal }, untilEnd)
      .catch(() => undefined);
    this.#stand();
  }

  /** A share in it. */
  take(): Lease {
    const lease = new TabLease(this, () => {
      this.#leases.delete(lease);
      if (this.#leases.size === 0) this.#close();
    });
    this.#leases.add(lease);
    return lease;
  }

  /** A name for somebody who makes calls. */
  newClient(): string {
    return `${this.#platform.page}/${this.#terms++}`;
  }

  /** Finds the worker, wherever it is; starts it if it is to be here. */
  seat(): Promise<Seat> {
    this.#seat ??= this.#find().finally(() => {
      this.#seat = undefined;
    });
    return this.#seat;
  }

  async #find(): Promise<Seat> {
    await this.#isKnown;
    let began = this.#platform.now();
    for (;;) {
      if (this.#life.signal.aborted) throw this.#life.signal.reason;
      if (this.#held) {
        const { holder } = this.#held;
        const fallbacks = await holder.start();
        return {
          fallbacks,
          call: holder.call.bind(holder),
          leave: holder.forget.bind(holder),
          replace: (reason) => void holder.replace(reason).catch(() => undefined),
        };
      }
      if (this.#far && !this.#far.end) return Object.assign(this.#far, { fallbacks: [] });
      this.#post({ kind: 'who', page: this.#platform.page });
      await new Promise<void>((resolve) => {
        const cancel = this.#platform.after(lookInterval, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      // Not all at the same moment.
      const patience = holderPatience * (1 + this.#platform.random() / 2);
      if (this.#platform.now() - began > patience) {
        began = this.#platform.now();
        this.#stand(true);
      }
    }
  }

  /** @param steal - Whether the one who has the lock is to lose it. */
  #stand(steal = false): void {
    this.#resign();
    const line = new AbortController();
    let hasEnded = () => line.abort();
    this.#resign = () => hasEnded();
    const hold = async (): Promise<void> => {
      if (line.signal.aborted) return;
      const { promise, resolve } = deferred<void>();
      hasEnded = resolve;
      this.#hold();
      await promise;
      this.#lose(new TabserveError('worker-crashed', 'This tab no longer holds the models.'));
    };
    const options: LockOptions = steal ? { steal } : { signal: line.signal };
    this.#platform.locks.request(this.#name, options, hold).catch(() => {
      if (!this.#held || this.#life.signal.aborted) return;
      this.#lose(
        new TabserveError(
          'worker-crashed',
          'This tab was silent for so long that another one holds the models now.',
        ),
      );
      this.#stand();
    });
  }

  #hold(): void {
    const name = `${this.#platform.page}/${this.#terms++}`;
    this.#far?.close(gone());
    this.#far = undefined;
    const pages = new Map<string, FarPage>();
    const holder = new Holder(this.#takeLease(), this.#platform.newRequestId, (error) => {
      for (const page of pages.values()) page.died(error);
      this.#lost(error);
    });
    this.#held = { name, holder, pages };
    this.#post({ kind: 'here', holder: name, page: null });
    this.#wake();
  }

  #lose(error: TabserveError): void {
    if (!this.#held) return;
    const { holder, pages } = this.#held;
    this.#held = undefined;
    for (const page of pages.values()) page.close();
    this.#lost(error);
    holder.close();
  }

  #hear(message: CommonMessage): void {
    if (message.kind === 'who') {
      if (this.#held) this.#welcome(message.page, this.#held);
      return;
    }
    const { holder, page } = message;
    if (this.#held) return;
    if (this.#far && this.#far.name !== holder) this.#far.close(gone());
    if (page !== this.#platform.page || this.#far?.name === holder) return;
    const channel = this.#platform.openChannel(this.#pairChannel(holder, page));
    this.#far = new FarHolder(holder, channel, this.#platform, (error) => {
      this.#far = undefined;
      this.#lost(error);
    });
    this.#wake();
  }

  #welcome(page: string, { name, holder, pages }: Held): void {
    if (!pages.has(page)) {
      const channel = this.#platform.openChannel(this.#pairChannel(name, page));
      const far = new FarPage(channel, holder, this.#platform.transfer);
      pages.set(page, far);
      // Granted when the page has gone, however it went.
      const onEnd = () => {
        if (pages.delete(page)) far.close();
      };
      const { signal } = this.#life;
      this.#platform.locks.request(this.#aliveLock(page), { signal }, onEnd).catch(() => undefined);
    }
    this.#post({ kind: 'here', holder: name, page });
  }

  /** What is loaded is gone. */
  #lost(error: TabserveError): void {
    for (const lease of [...this.#leases]) lease.lost(error);
  }

  #close(): void {
    const reason = new TabserveError('destroyed', 'Nobody on this page needs the worker.');
    this.#life.abort(reason);
    this.#resign();
    this.#far?.close(reason);
    this.#lose(reason);
    this.#common.close();
    this.#wake();
    this.#onEmpty();
  }

  #aliveLock(page: string): string {
    return `${this.#name} alive ${page}`;
  }

  #pairChannel(holder: string, page: string): string {
    return `${this.#name} ${holder} ${page}`;
  }

  #post(message: CommonMessage): void {
    this.#common.postMessage(message);
  }
}

function gone(): TabserveError {
  return new TabserveError(
    'worker-crashed',
    'The tab that held the model has gone. Another one takes over.',
    { details: { isHandover: true } },
  );
}

/** A share in the tabs' worker, for one model. */
class TabLease implements Lease {
  readonly #tabs: Tabs;
  readonly #onRelease: () => void;
  #link: Promise<TabLink> | undefined;
  #open: TabLink | undefined;
  #isReleased = false;

  onDeath: Lease['onDeath'] = () => undefined;

  constructor(tabs: Tabs, onRelease: () => void) {
    this.#tabs = tabs;
    this.#onRelease = onRelease;
  }

  get slots(): Slots {
    return this.#tabs.slots;
  }

  connect(): Promise<WorkerLink> {
    this.#link ??= this.#connect().catch((error: unknown) => {
      this.#link = undefined;
      throw error;
    });
    return this.#link;
  }

  async #connect(): Promise<TabLink> {
    const seat = await this.#tabs.seat();
    const link = new TabLink(seat, this.#tabs.newClient());
    if (this.#isReleased) link.close();
    else this.#open = link;
    return link;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#open?.close();
    this.#onRelease();
  }

  /** The worker is gone. */
  lost(error: TabserveError): void {
    const link = this.#open;
    this.#open = undefined;
    this.#link = undefined;
    if (!link) return;
    link.end ??= error;
    this.onDeath(error);
  }
}

/** The worker, as one model on this page uses it. */
class TabLink implements WorkerLink {
  readonly isElsewhere: boolean;
  readonly fallbacks: readonly Fallback[];
  readonly #seat: Seat;
  readonly #client: string;
  readonly #progress = new Map<number, ProgressListener>();
  readonly #life = new AbortController();
  end: TabserveError | undefined;

  constructor(seat: Seat, client: string) {
    this.#seat = seat;
    this.#client = client;
    this.fallbacks = seat.fallbacks;
    this.isElsewhere = seat instanceof FarHolder;
  }

  call: WorkerLink['call'] = async (name, request, { signal, patience = defaultPatience } = {}) => {
    signal?.throwIfAborted();
    if (this.end) throw this.end;
    const options: HeldCallOptions = {
      signal: AbortSignal.any(signal ? [signal, this.#life.signal] : [this.#life.signal]),
      patience,
      onProgress:
        name === 'load' ? this.#progress.get((request as LoadRequest).requestId) : undefined,
    };
    // A deployment makes no others.
    const answer = await this.#seat.call(this.#client, name as SharedCall, request, options);
    return answer as never;
  };

  followProgress(requestId: number, listener: ProgressListener): () => void {
    this.#progress.set(requestId, listener);
    return () => this.#progress.delete(requestId);
  }

  replace(cause: unknown): void {
    this.#seat.replace(cause);
  }

  /** Gives up all that was loaded by it. */
  close(): void {
    if (!this.end) this.#seat.leave(this.#client);
    this.end ??= new TabserveError('destroyed', 'The model was given up.');
    this.#life.abort(this.end);
  }
}
