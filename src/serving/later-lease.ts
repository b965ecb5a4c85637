/** A lease whose code has to be loaded first. */
import { TabserveError } from '../base/errors.js';
import type { Lease, WorkerLink } from './environment.js';
import type { Slots } from './request-queue.js';

/** Stands for a lease that `open` gives, from its first use on. */
export class LaterLease implements Lease {
  readonly #open: () => Promise<Lease>;
  #opening: Promise<Lease> | undefined;
  #lease: Lease | undefined;
  #isReleased = false;

  onDeath: Lease['onDeath'] = () => undefined;

  constructor(open: () => Promise<Lease>) {
    this.#open = open;
  }

  /** Known once {@link connect} has settled. */
  get slots(): Slots {
    if (this.#lease) return this.#lease.slots;
    throw new TabserveError('internal', 'The worker was asked before it was there.');
  }

  async connect(): Promise<WorkerLink> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    const lease = await this.#opening;
    if (!this.#lease) {
      this.#lease = lease;
      lease.onDeath = (error) => this.onDeath(error);
      if (this.#isReleased) lease.release();
    }
    return lease.connect();
  }

  release(): void {
    this.#isReleased = true;
    this.#lease?.release();
  }
}
