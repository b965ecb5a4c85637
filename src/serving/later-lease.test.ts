/** A lease whose code is loaded first: given up before, while and after it comes. */
import { expect, it } from 'vitest';
import { TabserveError } from '../base/errors.js';
import type { Lease, WorkerLink } from './environment.js';
import { LaterLease } from './later-lease.js';
import { Slots } from './request-queue.js';

function arrange() {
  const link = {} as WorkerLink;
  const log: string[] = [];
  const lease: Lease = {
    onDeath: () => undefined,
    slots: new Slots(1),
    connect: async () => link,
    release: () => void log.push('release'),
  };
  let open: (lease: Lease) => void = () => undefined;
  const errors: Error[] = [];
  const later = new LaterLease(() => {
    log.push('open');
    const error = errors.shift();
    if (error) return Promise.reject(error);
    return new Promise((resolve) => {
      open = resolve;
    });
  });
  return { later, lease, link, log, errors, open: () => open(lease) };
}

it('opens once, for all who connect, and passes on what the lease says', async () => {
  const { later, lease, link, log, open } = arrange();
  expect(() => later.slots).toThrow(expect.objectContaining({ code: 'internal' }));
  const both = Promise.all([later.connect(), later.connect()]);
  open();
  expect(await both).toEqual([link, link]);
  expect(log).toEqual(['open']);
  expect(later.slots).toBe(lease.slots);
  const deaths: string[] = [];
  later.onDeath = ({ code }) => deaths.push(code);
  lease.onDeath(new TabserveError('worker-crashed', 'It died.'));
  expect(deaths).toEqual(['worker-crashed']);
  later.release();
  expect(log).toEqual(['open', 'release']);
});

it('gives up a lease that comes after nobody wants it any more', async () => {
  const { later, log, open } = arrange();
  const connecting = later.connect();
  later.release();
  expect(log).toEqual(['open']);
  open();
  await connecting;
  expect(log).toEqual(['open', 'release']);
});

it('opens nothing for one who never connects', () => {
  const { later, log } = arrange();
  later.release();
  expect(log).toEqual([]);
});

it('tries again after its code could not be loaded', async () => {
  const { later, link, log, errors, open } = arrange();
  errors.push(new Error('offline'));
  await expect(later.connect()).rejects.toThrow('offline');
  const again = later.connect();
  open();
  expect(await again).toBe(link);
  expect(log).toEqual(['open', 'open']);
});
