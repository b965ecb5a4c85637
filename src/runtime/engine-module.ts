/** The engine's binary, compiled while it arrives, and handed to ONNX Runtime ready. */
import { isGzip, joinParts } from './engine-parts.js';

/** Magic number at the start of every WebAssembly binary. */
const wasmMagic = [0x00, 0x61, 0x73, 0x6d];

/** Whether bytes begin as a WebAssembly binary does. */
export function isWasm(bytes: Uint8Array): boolean {
  return wasmMagic.every((byte, index) => bytes[index] === byte);
}

/**
 * Compiles a binary from the pieces in which it comes, so that most of the work is done when the
 * last one is here. Compiling runs nothing: what came is checked before it is instantiated.
 */
export class ModuleCompiler {
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  #module: Promise<WebAssembly.Module> | undefined;
  #length = 0;
  /** Bytes of the binary that came out of compressed pieces; `undefined` where they are not. */
  #unpacked: number | undefined;

  /**
   * Takes a piece, of the binary or of a gzip file of it.
   *
   * @param at - Where it belongs, in bytes; 0 begins anew.
   * @param total - Bytes to come in all, 0 while unknown.
   */
  take(chunk: Uint8Array<ArrayBuffer>, at: number, total: number): void {
    if (at === 0) {
      this.#abandon();
      if (isGzip(chunk)) this.#beginPacked(chunk);
      else if (isWasm(chunk)) this.#begin(chunk, total);
      else return;
    } else if (at === this.#length) {
      this.#stream?.enqueue(chunk);
    } else {
      this.#abandon();
      return;
    }
    this.#length = at + chunk.length;
  }

  /**
   * The module.
   *
   * @param binary - All bytes, for when the pieces were not all of them.
   * @throws CompileError as `WebAssembly.compile()`.
   */
  async finish(binary: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
    const isPacked = this.#unpacked !== undefined;
    const module = isPacked || this.#length === binary.length ? this.#module : undefined;
    if (!module) this.#abandon();
    this.#stream?.close();
    this.#stream = undefined;
    if (!isPacked) return module ?? WebAssembly.compile(binary);
    // What was unpacked and verified is compiled, should the pieces have been others.
    const early = await module?.catch(() => undefined);
    return early && this.#unpacked === binary.length ? early : WebAssembly.compile(binary);
  }

  #beginPacked(chunk: Uint8Array<ArrayBuffer>): void {
    this.#unpacked = 0;
    const unpacked = this.#streamOf(chunk)
      .pipeThrough(new DecompressionStream('gzip'))
      .pipeThrough(
        new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
          transform: (piece, controller) => {
            this.#unpacked = (this.#unpacked ?? 0) + piece.length;
            controller.enqueue(piece as Uint8Array<ArrayBuffer>);
          },
        }),
      );
    this.#compile(unpacked);
  }

  /** A stream that begins with this piece. */
  #streamOf(chunk: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#stream = controller;
      },
    });
    this.#stream?.enqueue(chunk);
    return stream;
  }

  #compile(body: ReadableStream<Uint8Array<ArrayBuffer>>): void {
    const headers = { 'Content-Type': 'application/wasm' };
    this.#module = WebAssembly.compileStreaming(new Response(body, { headers }));
    // Reported by `finish()`, if it comes to that.
    this.#module.catch(() => undefined);
  }

  #begin(chunk: Uint8Array<ArrayBuffer>, total: number): void {
    if (chunk.length === total) {
      // Nothing to wait for: in one piece the browser compiles off this thread altogether.
      this.#module = WebAssembly.compile(chunk);
    } else {
      this.#compile(this.#streamOf(chunk));
      return;
    }
    this.#module.catch(() => undefined);
  }

  #abandon(): void {
    this.#stream?.error(new Error('The download started again.'));
    this.#stream = undefined;
    this.#module = undefined;
    this.#unpacked = undefined;
    this.#length = 0;
  }
}

let ready: WebAssembly.Module | undefined;

/**
 * Lets the engine start from this module.
 *
 * @param start - Starts the engine.
 */
export async function withModule<T>(
  module: WebAssembly.Module,
  start: () => Promise<T>,
): Promise<T> {
  ready = module;
  try {
    return await start();
  } finally {
    ready = undefined;
  }
}

/**
 * Stands in for ONNX Runtime's own fetching and compiling of its binary. The build puts it there.
 */
export async function instantiateEngine(
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (!ready) throw new Error('The engine was started without its module.');
  const module = ready;
  const instance = await WebAssembly.instantiate(module, imports);
  joinParts(instance, imports);
  return { instance, module };
}
