/** WebAssembly code that works in a memory of its own, kept from picture to picture. */

const pageBytes = 1 << 16;

/** Memories that have grown beyond this are not kept for the next picture. */
const keptBytes = 16 << 20;

/** As many as there are pictures in preprocessing at a time. */
const kept = 2;

/** What a module exports, which owns its memory. */
export interface Code {
  memory: WebAssembly.Memory;
}

/** Instances of one module. It is compiled when the first one is wanted. */
export class CodePool<T extends Code> {
  readonly #binary: Uint8Array<ArrayBuffer>;
  readonly #idle: T[] = [];
  #module: WebAssembly.Module | undefined;

  constructor(binary: Uint8Array<ArrayBuffer>) {
    this.#binary = binary;
  }

  /** An instance for one picture, with anything in its memory. */
  acquire(): T {
    this.#module ??= new WebAssembly.Module(this.#binary);
    return this.#idle.pop() ?? (new WebAssembly.Instance(this.#module).exports as unknown as T);
  }

  /** Takes an instance back. */
  release(code: T): void {
    if (this.#idle.length < kept && code.memory.buffer.byteLength <= keptBytes) {
      this.#idle.push(code);
    }
  }
}

/** Grows a memory to at least so many bytes, which detaches what was its buffer. */
export function reserve(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
}
