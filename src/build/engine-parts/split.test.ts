/** A small binary in one piece and in two: what runs, what is loaded when, and what stays the same. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import openWabt from 'wabt';
import {
  functionCount,
  instrumented,
  precedable,
  preceded,
  splitExports,
  splitModule,
} from './split.js';

/** Functions 0 to 6 are defined; two are imported. */
const source = `(module
  (type $ask (func (param i32) (result i32)))
  (type $tell (func (param i32)))
  (type $mix (func (param i32 i64 f32 f64) (result f64)))
  (import "host" "log" (func $log (type $tell)))
  (import "host" "add" (func $add (param i32 i32) (result i32)))
  (import "host" "memory" (memory 1))
  (global $calls (mut i32) (i32.const 0))
  (global $big (mut i64) (i64.const -5))
  (table 4 4 funcref)
  (elem (i32.const 1) func $double $counted)
  (data (i32.const 16) "abc")
  (func $start (call $log (i32.const 7)))
  (func $double (type $ask) (call $add (local.get 0) (local.get 0)))
  (func $counted (type $ask)
    (local $one i32) (local $more i64)
    (local.set $one (i32.const 1))
    (global.set $calls (i32.add (global.get $calls) (local.get $one)))
    (global.set $big (i64.const 9))
    (call $double (i32.load8_u (local.get 0))))
  (func $mixed (type $mix)
    (f64.add (local.get 3) (f64.promote_f32 (local.get 2))))
  (func $byPointer (param i32 i32) (result i32)
    (call_indirect (type $ask) (local.get 0) (local.get 1)))
  (func $callsCounted (type $ask) (call $counted (local.get 0)))
  (func $never (type $tell) unreachable)
  (start $start)
  (export "double" (func $double))
  (export "counted" (func $counted))
  (export "mixed" (func $mixed))
  (export "byPointer" (func $byPointer))
  (export "callsCounted" (func $callsCounted))
  (export "never" (func $never))
  (export "calls" (global $calls)))`;

/** Writes twice what it is given to the memory, unless that is 0. */
const substitute = `(module
  (import "host" "memory" (memory 1))
  (func (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (i32.store8 (i32.const 32) (i32.mul (local.get 0) (i32.const 2)))
    (i32.const 1)))`;

let binary: Uint8Array;
let before: Uint8Array;

beforeAll(async () => {
  const wabt = await openWabt();
  const assembled = (text: string) => {
    const parsed = wabt.parseWat('small.wat', text);
    const { buffer } = parsed.toBinary({});
    parsed.destroy();
    return buffer;
  };
  binary = assembled(source);
  before = assembled(substitute);
});

/** What the host gives a binary. */
function host() {
  const logged: number[] = [];
  const memory = new WebAssembly.Memory({ initial: 1 });
  const add = (a: number, b: number) => a + b;
  return {
    logged,
    memory,
    imports: { host: { memory, add, log: (at: number) => logged.push(at) } },
  };
}

type Exports = Record<
  'double' | 'counted' | 'mixed' | 'byPointer' | 'callsCounted' | 'never',
  (...args: unknown[]) => number
> & { calls: WebAssembly.Global };

/** An instance of the parts; the rest is joined when it is asked for. */
function joined(hot: readonly number[]) {
  const { logged, imports } = host();
  const parts = splitModule(binary, (at) => hot.includes(at));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(parts.hot), imports);
  const asked: number[] = [];
  const load = (slot: number) => {
    asked.push(slot - 1);
    const split = { [splitExports.module]: instance.exports };
    new WebAssembly.Instance(new WebAssembly.Module(parts.cold), { ...imports, ...split });
  };
  const relay = Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0],
    ...[2, 7, 1, 1, 101, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0],
  );
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(relay), { e: { f: load } });
  (instance.exports[splitExports.calls] as WebAssembly.Table).set(0, exports.f);
  return { logged, asked, exports: instance.exports as unknown as Exports };
}

it('counts its functions', () => {
  expect(functionCount(binary)).toBe(7);
});

describe.each([
  ['nothing but what starts it', [0]],
  ['what reads a cold one', [0, 5]],
  ['what cold ones call', [0, 1]],
  ['what calls by pointers', [0, 4]],
  ['most', [0, 1, 2, 4, 5]],
])('with %s in the hot part', (_what, hot) => {
  it('computes the same', () => {
    const { logged, asked, exports } = joined(hot);
    expect(logged).toEqual([7]);
    expect(exports.double(21)).toBe(42);
    expect(exports.counted(16)).toBe(2 * 'a'.charCodeAt(0));
    expect(exports.callsCounted(17)).toBe(2 * 'b'.charCodeAt(0));
    expect(exports.byPointer(18, 2)).toBe(2 * 'c'.charCodeAt(0));
    expect(exports.byPointer(5, 1)).toBe(10);
    expect(exports.mixed(1, 2n, 0.5, 0.25)).toBe(0.75);
    // One memory and one set of globals, whichever part writes them, and filled once.
    expect(exports.calls.value).toBe(3);
    expect(logged).toEqual([7]);
    expect(asked).toHaveLength(1);
  });
});

it('asks for the rest at the first cold call, and for nothing before', () => {
  const { asked, exports } = joined([0, 1, 2, 4]);
  exports.byPointer(16, 2);
  exports.counted(16);
  expect(asked).toEqual([]);
  exports.callsCounted(16);
  expect(asked).toEqual([5]);
  expect(() => exports.never(1)).toThrow(WebAssembly.RuntimeError);
  expect(asked).toHaveLength(1);
});

it('what the host throws instead of the rest comes out of the call', () => {
  const { imports } = host();
  const parts = splitModule(binary, (at) => at === 0);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(parts.hot), imports);
  // Nobody has put a loader there.
  expect(() => (exports as unknown as Exports).double(1)).toThrow(WebAssembly.RuntimeError);
});

it('says which functions run', () => {
  const { memory, imports } = host();
  const flags = 1000;
  const marked = new WebAssembly.Module(instrumented(binary, flags));
  const exports = new WebAssembly.Instance(marked, imports).exports as unknown as Exports;
  exports.callsCounted(16);
  expect([...new Uint8Array(memory.buffer, flags, 7)]).toEqual([1, 1, 1, 0, 0, 1, 0]);
  expect(exports.mixed(1, 2n, 0.5, 0.25)).toBe(0.75);
});

it('puts a function before another', () => {
  // Only what takes one number and returns nothing.
  expect(precedable(binary, before)).toEqual([6]);
  const { memory, imports } = host();
  const linked = (otherwise: 'own' | 'trap') => {
    const module = new WebAssembly.Module(preceded(binary, 6, before, otherwise));
    return new WebAssembly.Instance(module, imports).exports as unknown as Exports;
  };
  const exports = linked('own');
  exports.never(21);
  expect(new Uint8Array(memory.buffer)[32]).toBe(42);
  // What it does not do the other does, which here only traps.
  expect(() => exports.never(0)).toThrow(WebAssembly.RuntimeError);
  expect(() => linked('trap').never(0)).toThrow(WebAssembly.RuntimeError);
  expect(exports.counted(16)).toBe(2 * 'a'.charCodeAt(0));
  expect(functionCount(preceded(binary, 6, before))).toBe(9);
  expect(() => preceded(binary, 1, before)).toThrow('other parameters');
  expect(() => preceded(binary, 6, binary)).toThrow('one function');
});

it('refuses what it cannot split', () => {
  expect(() => splitModule(binary.subarray(0, 60), () => true)).toThrow('cut off');
  const plain = readFileSync(new URL('./split.ts', import.meta.url));
  expect(() => splitModule(plain, () => true)).toThrow();
});
