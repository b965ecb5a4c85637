/**
 * The engine in two parts: what usual networks need comes first, and the rest when a model needs it.
 *
 * The build splits the binary (`src/build/engine-parts/`), where a list of functions that was measured
 * fits it. Where a function of the rest is called before that is here, it has to be here at once: the
 * caller is WebAssembly, which cannot wait, and so the rest is then fetched synchronously, as workers may.
 */
import { gunzipSync } from 'fflate';
import { messageOf } from '../base/errors.js';
import { digestNow } from '../model/digest.js';

/** The rest of the engine, for an instance of its first part. */
export interface EngineRest {
  /** Where it is, in the order in which to try: a binary, or a gzip file of one. */
  urls: readonly string[];
  /** Of the binary. */
  sha256: string;
  /**
   * Where threads find the binary once somebody has it: 1 in the first four bytes, and then itself.
   * `null` without threads.
   */
  shared: SharedArrayBuffer | null;
}

/** Exports of a first part; see `splitExports` in the build. */
const calls = 'split.calls';
const namespace = 'split';

/** Bytes before the binary in {@link EngineRest.shared}. */
const sharedHead = 4;

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

let rest: EngineRest | undefined;
let module: WebAssembly.Module | undefined;
let wasMissed = false;

/** Whether a binary is a first part, to which there is a rest. */
export function isFirstPart(binary: WebAssembly.Module): boolean {
  return WebAssembly.Module.exports(binary).some(({ name }) => name === calls);
}

/** Says where the rest of the engine is, before its first part is started. */
export function expectRest(source: EngineRest): void {
  rest = source;
}

/** Where the rest is; `undefined` for an engine in one piece. */
export function expectedRest(): EngineRest | undefined {
  return rest;
}

/** Whether all of the engine is here, or can be without a fetch. */
export function isWhole(): boolean {
  return rest === undefined || module !== undefined;
}

/** Whether the rest had to be fetched in the middle of a call. It is then not in the store. */
export function wasRestMissed(): boolean {
  return wasMissed;
}

/** Takes the rest, so that no call has to fetch it. */
export async function takeRest(binary: Uint8Array<ArrayBuffer>): Promise<void> {
  share(binary);
  module ??= await WebAssembly.compile(binary);
}

/**
 * Joins the rest to an instance of the first part, as soon as one of its functions is called. Does
 * nothing to an engine in one piece.
 *
 * @param imports - What the first part was instantiated with.
 */
export function joinParts({ exports }: WebAssembly.Instance, imports: WebAssembly.Imports): void {
  const table = exports[calls];
  if (!(table instanceof WebAssembly.Table)) return;
  const join = (slot: number) => {
    module ??= fetchedRest(slot - 1);
    try {
      // It fills the table.
      new WebAssembly.Instance(module, { ...imports, [namespace]: exports });
    } catch (cause) {
      throw broken(messageOf(cause));
    }
  };
  table.set(0, tableFunction(join));
}

/** As `instantiateEngine()` in a thread of the engine's pool. */
export function instantiateThread(
  binary: WebAssembly.Module,
  imports: WebAssembly.Imports,
): WebAssembly.Instance {
  const instance = new WebAssembly.Instance(binary, imports);
  joinParts(instance, imports);
  return instance;
}

/** What a thread is told before it starts. */
interface RestMessage {
  tabserveEngineRest: EngineRest;
}

/** Tells a thread of the engine's pool where the rest is. */
export function tellThread(thread: Worker): void {
  const message: RestMessage | undefined = rest && { tabserveEngineRest: rest };
  if (message) thread.postMessage(message);
}

/** In a thread of the engine's pool: hears {@link tellThread}. */
export function listenForRest(): void {
  self.addEventListener('message', ({ data }: MessageEvent<Partial<RestMessage> | null>) => {
    if (data?.tabserveEngineRest) expectRest(data.tabserveEngineRest);
  });
}

/** @param asked - The number of the function that was called, for those who measure which come first. */
function fetchedRest(asked: number): WebAssembly.Module {
  if (!rest) throw broken('Its address is not known.');
  const { shared } = rest;
  if (shared && Atomics.load(new Int32Array(shared, 0, 1), 0) === 1) {
    // Compilers take no shared memory.
    return new WebAssembly.Module(new Uint8Array(shared, sharedHead).slice());
  }
  wasMissed = true;
  const failures: string[] = [];
  for (const url of rest.urls) {
    try {
      const binary = fetched(url, rest.sha256);
      share(binary);
      return new WebAssembly.Module(binary);
    } catch (error) {
      failures.push(`${url}: ${messageOf(error)}`);
    }
  }
  throw broken(`Function ${asked} was called. ${failures.join(' ')}`);
}

function fetched(url: string, sha256: string): Uint8Array<ArrayBuffer> {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.responseType = 'arraybuffer';
  request.send();
  if (request.status !== 200) throw new Error(`HTTP ${request.status}`);
  const served = new Uint8Array(request.response as ArrayBuffer);
  const binary = isGzip(served) ? gunzipSync(served) : served;
  const found = digestNow(binary);
  if (found !== sha256) throw new Error(`It has the sha256 ${found}, expected ${sha256}.`);
  return binary as Uint8Array<ArrayBuffer>;
}

function share(binary: Uint8Array): void {
  const shared = rest?.shared;
  if (!shared || shared.byteLength !== sharedHead + binary.length) return;
  new Uint8Array(shared, sharedHead).set(binary);
  Atomics.store(new Int32Array(shared, 0, 1), 0, 1);
}

/** Room for a binary that threads share. */
export function roomFor(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(sharedHead + bytes);
}

/**
 * A function as tables take it: of WebAssembly. This module imports one and exports it again, of
 * type (i32) → ().
 */
function tableFunction(call: (slot: number) => void): CallableFunction {
  const relay = Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0],
    ...[2, 7, 1, 1, 101, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0],
  );
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(relay), { e: { f: call } });
  return exports.f as CallableFunction;
}

/** The engine's calls were cut off in the middle: as after a trap, it is of no use any more. */
function broken(why: string): WebAssembly.RuntimeError {
  return new WebAssembly.RuntimeError(
    `The model needs the rest of ONNX Runtime, which could not be loaded. ${why} Serve all of tabserve's "ort" folder.`,
  );
}
