import { expect, it } from 'vitest';
import { absolute, named, wasmUrls } from './assets.js';

it('says of an invalid address what it is and what is possible', () => {
  expect(() => absolute('http://[')).toThrow(
    expect.objectContaining({ code: 'invalid-argument', details: { found: 'http://[' } }),
  );
  expect(() => wasmUrls('wasm', { wasmUrl: 'http://[' })).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  );
});

it('takes a file as it is, and looks for it in a folder', () => {
  expect(named('https://a/x.js', 'worker.js', '.js')).toBe('https://a/x.js');
  expect(named('https://a/x', 'worker.js', '.js')).toBe('https://a/x/worker.js');
});
