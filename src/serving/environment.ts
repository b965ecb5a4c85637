/** What the serving room takes from the platform; tests hand it another clock and other workers. */

import { transfer } from 'comlink';
import type { TabserveError } from '../base/errors.js';
import { type Connection, newRequestId, type WorkerConfig } from '../wire/connection.js';
import { savesData } from './backends.js';
import { LaterLease } from './later-lease.js';
import type { Slots } from './request-queue.js';
import { WorkerLease } from './worker-host.js';

/** What is needed of a worker. */
export type WorkerLink = Pick<
  Connection,
  'call' | 'end' | 'fallbacks' | 'followProgress' | 'replace'
> & {
  /** Answers for the keys of encrypted models. Where it is missing, there are none: see `shared`. */
  readonly serveKeys?: Connection['serveKeys'];
  /** Whether it is another tab's: frames of videos do not get there. */
  readonly isElsewhere?: boolean;
};

/** A share in a worker. */
export interface Lease {
  /** Is called when the worker has died; the next {@link connect} starts another. */
  onDeath: (error: TabserveError) => void;
  /** Who may send the worker requests, in which order. */
  readonly slots: Slots;
  /** The running worker, started if there is none. */
  connect(): Promise<WorkerLink>;
  /** Gives the share up. The last one ends the worker. Calling it again does nothing. */
  release(): void;
}

/** The platform, as far as a deployment uses it. */
export interface Environment {
  /** Milliseconds since some moment. */
  now(): number;
  /** @returns Cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** @returns Stops listening. */
  onOnline(listener: () => void): () => void;
  /** Whether the user wants few bytes loaded. */
  savesData(): boolean;
  /**
   * What is needed only after a while.
   *
   * @throws TabserveError `network` where it cannot be loaded.
   */
  background(): Promise<typeof import('./background.js')>;
  /** See `WorkerLease.take`. */
  takeLease(config: WorkerConfig, own: boolean, nth?: number): Lease;
}

/** Who listens for the network. */
export const networkListeners = new Set<() => void>();

/** The page. */
export const page: Environment = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  onOnline(listener) {
    networkListeners.add(listener);
    globalThis.addEventListener?.('online', listener);
    return () => {
      networkListeners.delete(listener);
      globalThis.removeEventListener?.('online', listener);
    };
  },
  savesData,
  background: async () => await import('./background.js'),
  takeLease: (config, own, nth) => WorkerLease.take(config, own, nth),
};

/** The page, with workers that all tabs of the origin share. */
export const pageOfTabs: Environment = {
  ...page,
  takeLease: (config, _own, nth) =>
    new LaterLease(async () => {
      const { takeSharedLease } = await import('./sharing.js');
      return takeSharedLease({ ...page, newRequestId, transfer }, config, nth);
    }),
};
