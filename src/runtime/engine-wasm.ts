/**
 * ONNX Runtime's API, as far as a worker on WASM uses it: bytes in, numbers out. It calls the C functions
 * of the engine's binary as the package's own `lib/wasm/wasm-core-impl.ts` does, which also knows GPUs,
 * graph capture, other workers, files and further providers: a third of all that such a worker loads.
 *
 * `src/build/engine.ts` puts it in place of that, and fails where the package's calls are others.
 */
import type * as Ort from 'onnxruntime-web';

/** What the engine's glue gives. Pointers are offsets into the memory. */
export interface Glue {
  /** The memory. A view that may be too short once it has grown: `getValue()` renews it. */
  readonly HEAPU8: Uint8Array;
  stackSave(): number;
  stackRestore(to: number): void;
  stackAlloc(bytes: number): number;
  getValue(at: number, type: 'i32' | '*'): number;
  setValue(at: number, value: number, type: 'i32' | '*'): void;
  UTF8ToString(at: number, most?: number): string;
  stringToUTF8(text: string, at: number, most: number): void;
  lengthBytesUTF8(text: string): number;
  mountExternalData(path: string, data: Uint8Array): void;
  unmountExternalData(): void;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _OrtInit(threads: number, logLevel: number): number;
  _OrtGetLastError(code: number, message: number): number;
  _OrtCreateSessionOptions(...options: (number | boolean)[]): number;
  _OrtAddSessionConfigEntry(options: number, key: number, value: number): number;
  _OrtReleaseSessionOptions(options: number): number;
  _OrtCreateSession(model: number, bytes: number, options: number): number;
  _OrtReleaseSession(session: number): number;
  _OrtGetInputOutputCount(session: number, inputs: number, outputs: number): number;
  _OrtGetInputOutputMetadata(session: number, nth: number, name: number, data: number): number;
  _OrtFree(at: number): number;
  _OrtCreateTensor(
    type: number,
    data: number,
    bytes: number,
    dims: number,
    rank: number,
    location: number,
  ): number;
  _OrtGetTensorData(tensor: number, type: number, data: number, dims: number, rank: number): number;
  _OrtReleaseTensor(tensor: number): number;
  _OrtRun(
    session: number,
    inputNames: number,
    inputs: number,
    inputCount: number,
    outputNames: number,
    outputCount: number,
    outputs: number,
    options: number,
  ): number;
}

/** Bytes of a pointer. */
const word = 4;

/** As the engine numbers them: only errors are logged. */
const onlyErrors = 3;

/** As the engine numbers places of tensors. */
const onCpu = 1;

/** `TensorProto.DataType` of ONNX, by number; empty where no tensor of it comes here. */
const types = [
  ...['', 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool'],
  ...['float16', 'float64', 'uint32', 'uint64', '', '', '', '', '', '', '', 'uint4', 'int4'],
];

/** What holds the elements of a type. */
const arrays: Readonly<Record<string, new (length: number) => Numbers>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

type Numbers = Exclude<Tensor['data'], readonly string[]>;

/** A tensor, as ONNX Runtime's class of that name has it. */
class Tensor {
  readonly type: string;
  readonly data: (ArrayBufferView<ArrayBuffer> & { length: number }) | readonly string[];
  readonly dims: readonly number[];

  constructor(type: string, data: Tensor['data'], dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

/** What a session says of an input or an output. */
type Metadata =
  | { name: string; isTensor: false }
  | { name: string; isTensor: true; type: string; shape: (number | string)[] };

/**
 * @param start - Starts the engine on a binary that is ready.
 */
export function wasmEngine(
  start: (options: { numThreads: number }) => Promise<Glue>,
): Pick<typeof Ort, 'env' | 'InferenceSession' | 'Tensor'> {
  const env = { logLevel: 'error', wasm: { numThreads: 1 } };
  let started: Promise<Glue> | undefined;

  const engine = async () => {
    const glue = await start({ numThreads: env.wasm.numThreads });
    if (glue._OrtInit(env.wasm.numThreads, onlyErrors)) {
      throw engineError(glue, "Can't initialize onnxruntime.");
    }
    return glue;
  };

  class InferenceSession extends Session {
    static async create(
      model: Uint8Array,
      { externalData = [] }: { externalData?: readonly { path: string; data: Uint8Array }[] } = {},
    ): Promise<InferenceSession> {
      started ??= engine();
      // A start that has failed can be tried once more.
      started.catch(() => {
        started = undefined;
      });
      return new InferenceSession(await started, model, externalData);
    }
  }
  // Of the package's types it fulfils what this worker uses.
  return { env, InferenceSession, Tensor } as unknown as ReturnType<typeof wasmEngine>;
}

class Session {
  readonly #glue: Glue;
  readonly #handle: number;
  /** Where the engine has their names, in their order. */
  readonly #names: number[] = [];
  readonly inputMetadata: readonly Metadata[];
  readonly outputMetadata: readonly Metadata[];

  constructor(
    glue: Glue,
    model: Uint8Array,
    external: readonly { path: string; data: Uint8Array }[],
  ) {
    this.#glue = glue;
    this.#handle = withMemory(glue, (memory) => {
      const options = glue._OrtCreateSessionOptions(99, false, false, 0, false, 0, 0, 2, 0, 0);
      if (!options) throw engineError(glue, "Can't create session options.");
      try {
        // The engine's own file says so of every session: a model's bytes are used where they lie.
        const entry = ['session.use_ort_model_bytes_directly', '1'].map(memory.text);
        if (glue._OrtAddSessionConfigEntry(options, ...(entry as [number, number]))) {
          throw engineError(glue, "Can't set session.use_ort_model_bytes_directly");
        }
        for (const { path, data } of external) glue.mountExternalData(path, data);
        const handle = glue._OrtCreateSession(memory.copy(model), model.length, options);
        if (!handle) throw engineError(glue, "Can't create a session.");
        return handle;
      } finally {
        glue._OrtReleaseSessionOptions(options);
        glue.unmountExternalData();
      }
    });
    try {
      const [inputs, outputs] = withStack(glue, (stack) => {
        const counts = stack([0, 0]);
        if (glue._OrtGetInputOutputCount(this.#handle, counts, counts + word)) {
          throw engineError(glue, "Can't get session input/output count.");
        }
        return [glue.getValue(counts, 'i32'), glue.getValue(counts + word, 'i32')] as const;
      });
      const all = Array.from({ length: inputs + outputs }, (_, nth) => this.#metadata(nth));
      this.inputMetadata = all.slice(0, inputs);
      this.outputMetadata = all.slice(inputs);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #metadata(nth: number): Metadata {
    const glue = this.#glue;
    return withStack(glue, (stack) => {
      const found = stack([0, 0]);
      if (glue._OrtGetInputOutputMetadata(this.#handle, nth, found, found + word)) {
        throw engineError(glue, "Can't get session input/output metadata.");
      }
      const [at, data] = [glue.getValue(found, '*'), glue.getValue(found + word, '*')];
      try {
        this.#names.push(at);
        const name = glue.UTF8ToString(at);
        const type = glue.getValue(data, 'i32');
        if (type === 0) return { name, isTensor: false };
        const rank = glue.getValue(data + word, '*');
        const shape = Array.from({ length: rank }, (_, i) => {
          const symbol = glue.getValue(data + (2 + i) * word, '*');
          return symbol
            ? glue.UTF8ToString(symbol)
            : glue.getValue(data + (2 + rank + i) * word, '*');
        });
        return { name, isTensor: true, type: typeName(type), shape };
      } finally {
        if (data) glue._OrtFree(data);
      }
    });
  }

  /**
   * @param feeds - The inputs, by name.
   * @param outputs - Names of the outputs to compute.
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    outputs: readonly string[],
  ): Promise<Record<string, Tensor>> {
    const glue = this.#glue;
    const given = Object.entries(feeds);
    const inputNames = given.map(([name]) => this.#name(name, this.inputMetadata, 0));
    const first = this.inputMetadata.length;
    const outputNames = outputs.map((name) => this.#name(name, this.outputMetadata, first));
    const tensors: number[] = [];
    try {
      return withMemory(glue, (memory) =>
        withStack(glue, (stack) => {
          for (const [, tensor] of given) tensors.push(makeTensor(glue, memory, tensor));
          const results = stack(outputs.map(() => 0));
          const failed = glue._OrtRun(
            this.#handle,
            stack(inputNames),
            stack(tensors),
            given.length,
            stack(outputNames),
            outputs.length,
            results,
            0,
          );
          tensors.push(...outputs.map((_, i) => glue.getValue(results + i * word, '*')));
          if (failed) throw engineError(glue, 'failed to call OrtRun().');
          const made = tensors.slice(given.length);
          return Object.fromEntries(
            outputs.map((name, i) => [name, readTensor(glue, made[i] as number, i)]),
          );
        }),
      );
    } finally {
      for (const tensor of tensors) if (tensor) glue._OrtReleaseTensor(tensor);
    }
  }

  release(): void {
    for (const name of this.#names.splice(0)) this.#glue._OrtFree(name);
    if (this.#glue._OrtReleaseSession(this.#handle)) {
      throw engineError(this.#glue, "Can't release session.");
    }
  }

  /** Where a name is in the engine's memory. */
  #name(name: string, all: readonly Metadata[], first: number): number {
    const at = all.findIndex((each) => each.name === name);
    if (at < 0) throw new Error(`The graph has no "${name}".`);
    return this.#names[first + at] as number;
  }
}

/** Memory that is freed when its user returns. */
interface Memory {
  copy(bytes: Uint8Array): number;
  text(text: string): number;
}

function withMemory<T>(glue: Glue, use: (memory: Memory) => T): T {
  const taken: number[] = [];
  const take = (bytes: number) => {
    // For nothing it may give nothing.
    const at = glue._malloc(Math.max(bytes, 1));
    if (!at) throw new Error(`The engine failed to allocate ${bytes} bytes.`);
    taken.push(at);
    // Renews the view, should the memory have grown.
    glue.getValue(at, '*');
    return at;
  };
  try {
    return use({
      copy(bytes) {
        const at = take(bytes.length);
        glue.HEAPU8.set(bytes, at);
        return at;
      },
      text(text) {
        const bytes = glue.lengthBytesUTF8(text) + 1;
        const at = take(bytes);
        glue.stringToUTF8(text, at, bytes);
        return at;
      },
    });
  } finally {
    for (const at of taken) glue._free(at);
  }
}

/** Gives `use` a way to put words onto the engine's stack, which is as before when that returns. */
function withStack<T>(glue: Glue, use: (stack: (words: readonly number[]) => number) => T): T {
  const before = glue.stackSave();
  try {
    return use((words) => {
      const at = glue.stackAlloc(words.length * word);
      for (const [i, each] of words.entries()) glue.setValue(at + i * word, each, '*');
      return at;
    });
  } finally {
    glue.stackRestore(before);
  }
}

function makeTensor(glue: Glue, memory: Memory, { type, data, dims }: Tensor): number {
  const elements = Array.isArray(data) ? pointers(memory, data) : (data as Numbers);
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const at = memory.copy(bytes);
  return withStack(glue, (stack) => {
    const number = types.indexOf(type);
    if (number < 1) throw new Error(`unsupported data type: ${type}`);
    const made = glue._OrtCreateTensor(number, at, bytes.length, stack(dims), dims.length, onCpu);
    if (!made) throw engineError(glue, "Can't create a tensor.");
    return made;
  });
}

/** Texts, as the engine takes them: where each begins. */
function pointers(memory: Memory, texts: readonly unknown[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(texts, (text, i) => {
    if (typeof text === 'string') return memory.text(text);
    throw new TypeError(`tensor data at index ${i} is not a string`);
  });
}

function readTensor(glue: Glue, tensor: number, nth: number): Tensor {
  return withStack(glue, (stack) => {
    const found = stack([0, 0, 0, 0]);
    const [typeAt, dataAt, dimsAt, rankAt] = [0, 1, 2, 3].map((i) => found + i * word) as [
      number,
      number,
      number,
      number,
    ];
    if (glue._OrtGetTensorData(tensor, typeAt, dataAt, dimsAt, rankAt)) {
      throw engineError(glue, `Can't access output tensor data on index ${nth}.`);
    }
    const type = typeName(glue.getValue(typeAt, 'i32'));
    const data = glue.getValue(dataAt, '*');
    const sizes = glue.getValue(dimsAt, '*');
    const dims = Array.from({ length: glue.getValue(rankAt, 'i32') }, (_, i) =>
      glue.getValue(sizes + i * word, 'i32'),
    );
    glue._OrtFree(sizes);
    const length = dims.reduce((product, size) => product * size, 1);
    if (type !== 'string') {
      const make = arrays[type];
      if (!make) throw new Error(`unsupported type: ${type}`);
      const copy = new make(length);
      const bytes = new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength);
      bytes.set(glue.HEAPU8.subarray(data, data + bytes.length));
      return new Tensor(type, copy, dims);
    }
    try {
      const at = (i: number) => glue.getValue(data + i * word, '*');
      const texts = Array.from({ length }, (_, i) =>
        // The last one ends with a zero; the others where the next begins.
        glue.UTF8ToString(at(i), i === length - 1 ? undefined : at(i + 1) - at(i)),
      );
      return new Tensor(type, texts, dims);
    } finally {
      glue._free(data);
    }
  });
}

/** @throws Error for a type that no tensor here may have, such as bfloat16. */
function typeName(number: number): string {
  const name = types[number];
  if (name) return name;
  throw new Error(`unsupported data type: ${number}`);
}

/** What the engine says that went wrong. */
function engineError(glue: Glue, what: string): Error {
  return withStack(glue, (stack) => {
    const found = stack([0, 0]);
    glue._OrtGetLastError(found, found + word);
    const text = glue.getValue(found + word, '*');
    const code = glue.getValue(found, 'i32');
    const message = text ? glue.UTF8ToString(text) : '';
    return new Error(`${what} ERROR_CODE: ${code}, ERROR_MESSAGE: ${message}`);
  });
}
