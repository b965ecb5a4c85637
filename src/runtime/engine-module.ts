/** The engine's binary, compiled while it arrives, and handed to ONNX Runtime ready. */
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

  /**
   * Takes a piece.
   *
   * @param at - Where it belongs, in bytes; 0 begins anew.
   * @param total - Bytes to come in all, 0 while unknown.
   */
  take(chunk: Uint8Array<ArrayBuffer>, at: number, total: number): void {
    if (at === 0) {
      this.#abandon();
      if (!isWasm(chunk)) return;
      this.#begin(chunk, total);
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
    const module = this.#length === binary.length ? this.#module : undefined;
    if (!module) this.#abandon();
    this.#stream?.close();
    this.#stream = undefined;
    return module ?? WebAssembly.compile(binary);
  }

  #begin(chunk: Uint8Array<ArrayBuffer>, total: number): void {
    if (chunk.length === total) {
      // Nothing to wait for: in one piece the browser compiles off this thread altogether.
      this.#module = WebAssembly.compile(chunk);
    } else {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => {
          this.#stream = controller;
        },
      });
      this.#stream?.enqueue(chunk);
      const headers = { 'Content-Type': 'application/wasm' };
      this.#module = WebAssembly.compileStreaming(new Response(body, { headers }));
    }
    // Reported by `finish()`, if it comes to that.
    this.#module.catch(() => undefined);
  }

  #abandon(): void {
    this.#stream?.error(new Error('The download began anew.'));
    this.#stream = undefined;
    this.#module = undefined;
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
 * Stands in for `WebAssembly.instantiate` inside ONNX Runtime, which takes bytes only and would
 * compile them once more. The build puts it there.
 */
export async function instantiateEngine(
  _binary: BufferSource,
  imports: WebAssembly.Imports,
): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (!ready) throw new Error('The engine was started without its module.');
  return { instance: await WebAssembly.instantiate(ready, imports), module: ready };
}
