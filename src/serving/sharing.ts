/** A worker that all tabs of the origin share. Loaded only by those who want one. */

import { messageOf } from '../base/errors.js';
import { identityOf } from '../base/identity.js';
import { version } from '../base/version.js';
import type { WorkerConfig } from '../wire/connection.js';
import type { Environment, Lease, WorkerLink } from './environment.js';
import type { TabsPlatform } from './sharing/platform.js';
import { Tabs } from './sharing/tabs.js';

const all = new Map<string, Tabs>();

/** What sharing needs of the page's own code. */
export type SharingPage = Pick<Environment, 'now' | 'after' | 'takeLease'> &
  Pick<TabsPlatform, 'newRequestId' | 'transfer'>;

/**
 * A share in the worker of this configuration that the tabs have together. Where a page cannot share
 * one, it is the page's own, and its `fallbacks` say why.
 *
 * @param nth - Which of them, where one is not enough.
 */
export async function takeSharedLease(
  page: SharingPage,
  config: WorkerConfig,
  nth = 0,
): Promise<Lease> {
  const obstacle = await obstacleHere();
  if (obstacle !== null) return notShared(page.takeLease(config, false, nth), obstacle);
  const name = `tabserve ${version} ${identityOf([config, nth])}`;
  const tabs =
    all.get(name) ??
    new Tabs(
      name,
      platform(page),
      () => page.takeLease(config, false, nth),
      () => all.delete(name),
    );
  all.set(name, tabs);
  return tabs.take();
}

/** Why this page cannot share a worker; `null` if it can. */
async function obstacleHere(): Promise<string | null> {
  if (!navigator.locks) return 'The browser lacks Web Locks, or the page is not secure (https).';
  if (typeof BroadcastChannel !== 'function') return 'The browser lacks BroadcastChannel.';
  try {
    // Refused to pages without an origin of their own.
    await navigator.locks.query();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function platform({ now, after, newRequestId, transfer }: SharingPage): TabsPlatform {
  return {
    page: crypto.randomUUID(),
    locks: navigator.locks,
    openChannel: (name) => new BroadcastChannel(name),
    now,
    after,
    random: Math.random,
    newRequestId,
    transfer,
  };
}

/** The lease, with the reason for it. */
function notShared(lease: Lease, reason: string): Lease {
  const fallback = { from: 'a worker for all tabs', to: 'a worker of this page', reason };
  return {
    get slots() {
      return lease.slots;
    },
    get onDeath() {
      return lease.onDeath;
    },
    set onDeath(listener) {
      lease.onDeath = listener;
    },
    release: () => lease.release(),
    async connect(): Promise<WorkerLink> {
      const link = await lease.connect();
      return {
        call: link.call.bind(link),
        get end() {
          return link.end;
        },
        fallbacks: [...link.fallbacks, fallback],
        followProgress: link.followProgress.bind(link),
        replace: link.replace.bind(link),
      };
    },
  };
}
