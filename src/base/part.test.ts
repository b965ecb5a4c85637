import { expect, it } from 'vitest';
import { TabserveError } from './errors.js';
import { part } from './part.js';

it('hands a module over', async () => {
  expect(await part(import('./version.js'))).toHaveProperty('version');
});

it('says of one that cannot be loaded what to do, and keeps what is known', async () => {
  const gone = new TypeError('Failed to fetch dynamically imported module: https://a/many.js');
  await expect(part(Promise.reject(gone))).rejects.toMatchObject({
    code: 'network',
    cause: gone,
    message: expect.stringMatching(/many\.js Serve all of its files\.$/),
  });
  const typed = new TabserveError('network', 'The folder "parts" is missing.');
  await expect(part(Promise.reject(typed))).rejects.toBe(typed);
});
