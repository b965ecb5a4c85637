import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  asTabserveError,
  fromErrorRecord,
  isTabserveError,
  TabserveError,
  toErrorRecord,
} from './errors.js';

/** What structured clone leaves of a value. */
const cross = (thrown: unknown) => fromErrorRecord(structuredClone(toErrorRecord(thrown)));

describe('the worker boundary', () => {
  test('keeps class, code, details, stack and causes', () => {
    const cause = new TypeError('deep', { cause: new DOMException('deeper', 'DataError') });
    const error = new TabserveError('integrity', 'wrong bytes', {
      cause,
      details: { url: 'x', bytes: 3 },
      retryable: true,
    });
    const rebuilt = cross(error);
    expect(rebuilt).toBeInstanceOf(TabserveError);
    expect(rebuilt).toMatchObject({
      code: 'integrity',
      message: 'wrong bytes',
      details: { url: 'x', bytes: 3 },
      retryable: true,
      cause: { name: 'TypeError', message: 'deep', cause: { name: 'DataError' } },
    });
    expect(rebuilt.stack).toBe(error.stack);
  });

  test('takes anything that can be thrown', () => {
    expect(cross('text')).toMatchObject({ name: 'Error', message: 'text' });
    expect(cross(undefined).message).toBe('undefined');
    expect(cross(Object.create(null)).message).toBe('[object Object]');
  });

  test('does not follow circular causes for ever', () => {
    const error = new Error('round');
    error.cause = error;
    expect(cross(error).message).toBe('round');
  });
});

test('isTabserveError knows errors of other realms by their shape', () => {
  const foreign: unknown = runInNewContext(
    "Object.assign(new Error('x'), { name: 'TabserveError', code: 'network' })",
  );
  expect(foreign).not.toBeInstanceOf(Error);
  expect(isTabserveError(foreign)).toBe(true);
  expect(isTabserveError(foreign, 'network')).toBe(true);
  expect(isTabserveError(foreign, 'timeout')).toBe(false);
  expect(isTabserveError(Object.assign(new Error('x'), { code: 'network' }))).toBe(false);
  expect(isTabserveError({ name: 'TabserveError', code: 'network' })).toBe(false);
});

test('codes know whether trying again helps', () => {
  expect(new TabserveError('network', '').retryable).toBe(true);
  expect(new TabserveError('manifest-invalid', '').retryable).toBe(false);
});

test('asTabserveError wraps what is not one, and with() adds facts', () => {
  const error = new TabserveError('network', 'gone', { details: { url: 'x' }, cause: 1 });
  expect(asTabserveError(error, 'internal', 'other')).toBe(error);
  expect(asTabserveError('boom', 'internal', 'other')).toMatchObject({
    code: 'internal',
    cause: 'boom',
  });
  expect(error.with({ id: '7' })).toMatchObject({
    message: 'gone',
    details: { url: 'x', id: '7' },
    cause: 1,
    stack: error.stack,
  });
});
