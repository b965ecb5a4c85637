/**
 * A WebAssembly binary in two parts: what runs first, and the rest, which is loaded when one of its
 * functions is called.
 *
 * Both parts have the same types and number functions, globals and the first table alike, so that
 * bodies are copied byte for byte and no instruction is read. Where a function is not in a part, a
 * stub stands for it, which calls through a second table that both share. In the hot part such a stub
 * first asks whether the function is in the table yet, and if not calls the table's first entry: the
 * loader, which the host puts there.
 *
 * Numbers of sections and opcodes are those of the WebAssembly core specification, 2.0, chapter 5.
 */

/** What the host finds among the exports of the hot part, and imports into the cold one. */
export const splitExports = { module: 'split', calls: 'split.calls', functions: 'split.functions' };

/** The two parts. */
export interface SplitModule {
  /** Stands alone until a cold function is called. Has the exports of {@link splitExports}. */
  hot: Uint8Array<ArrayBuffer>;
  /** Is instantiated with the imports of the hot part, and its exports as the module `split`. */
  cold: Uint8Array<ArrayBuffer>;
}

const section = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
} as const;

const i32 = 0x7f;

/** What is needed of a binary. */
interface Module {
  sections: { id: number; content: Uint8Array }[];
  /** Parameters and results of each type, as they are written. */
  types: { params: number; bytes: Uint8Array }[];
  importedFunctions: number;
  /** Type of each function that is defined here. */
  functions: number[];
  /** Value type and mutability of each global. */
  globals: Uint8Array[];
  /** The one table's type, as it is written. */
  table: Uint8Array;
  /** Bodies with their sizes before them. */
  bodies: Uint8Array[];
}

/**
 * Splits a binary.
 *
 * @param binary - One that imports functions and memories only, and has one table of functions.
 * @param isHot - Says of each function that is defined in the binary, by its number among these,
 *   whether it goes into the hot part.
 * @throws Error for a binary of another form.
 */
export function splitModule(binary: Uint8Array, isHot: (defined: number) => boolean): SplitModule {
  const module = readModule(binary);
  const { functions, importedFunctions, types } = module;
  const slots = functions.length + 1;
  const loaderType = indexOfType(types, [i32], []);
  const askType = indexOfType(types, [i32], [i32]);
  const ask = importedFunctions + functions.length;
  const callOf = (defined: number, before: number[]) => {
    const type = functions[defined] as number;
    const { params } = types[type] as Module['types'][number];
    const given = Array.from({ length: params }, (_, at) => [0x20, ...unsigned(at)]).flat();
    // The second table has the number 1.
    return sized([
      0,
      ...given,
      0x41,
      ...signed(defined + 1),
      ...before,
      0x11,
      ...unsigned(type),
      1,
      0x0b,
    ]);
  };
  const calls = [0x70, 1, ...unsigned(slots), ...unsigned(slots)];
  const placed = (wanted: boolean) =>
    runsOf(functions.length, (defined) => isHot(defined) === wanted).map(([from, count]) => [
      // An active segment of table 1, from this offset, of these functions.
      ...[2, 1, 0x41, ...signed(from + 1), 0x0b, 0],
      ...vector(Array.from({ length: count }, (_, at) => unsigned(importedFunctions + from + at))),
    ]);

  // (i32) → i32: loads the rest if what has this number is not there yet.
  const askBody = sized([
    ...[0, 0x20, 0, 0x25, 1, 0xd1, 0x04, 0x40, 0x20, 0, 0x41, 0, 0x11],
    ...unsigned(loaderType),
    ...[1, 0x0b, 0x20, 0, 0x0b],
  ]);
  const hot = rebuilt(module, {
    [section.function]: (content) => appended(content, [unsigned(askType)]),
    [section.table]: (content) => appended(content, [calls]),
    [section.export]: (content) =>
      appended(content, [
        [...text(splitExports.calls), 1, 1],
        [...text(splitExports.functions), 1, 0],
        ...module.globals.map((_, at) => [...text(globalName(at)), 3, ...unsigned(at)]),
      ]),
    [section.element]: (content) => appended(content, placed(true)),
    [section.code]: () =>
      codeOf([
        ...module.bodies.map((body, defined) =>
          isHot(defined) ? body : callOf(defined, [0x10, ...unsigned(ask)]),
        ),
        askBody,
      ]),
  });

  const { module: from } = splitExports;
  const cold = rebuilt(module, {
    [section.import]: (content) =>
      appended(content, [
        [...text(from), ...text(splitExports.functions), 1, ...module.table],
        [...text(from), ...text(splitExports.calls), 1, ...calls],
        ...module.globals.map((type, at) => [...text(from), ...text(globalName(at)), 3, ...type]),
      ]),
    [section.table]: () => undefined,
    [section.global]: () => undefined,
    [section.export]: () => undefined,
    [section.start]: () => undefined,
    [section.element]: () => joined([Uint8Array.from(vector(placed(false)))]),
    [section.code]: () =>
      codeOf(module.bodies.map((body, defined) => (isHot(defined) ? callOf(defined, []) : body))),
    // Memory is filled once. Segments keep their numbers, should a body name one.
    [section.data]: (content) => emptySegments(content),
  });
  return { hot, cold };
}

/**
 * The same binary, in which each function that runs says so.
 *
 * @param flags - Address of as many bytes as there are functions; a byte becomes 1 when its function
 *   is called.
 */
export function instrumented(binary: Uint8Array, flags: number): Uint8Array<ArrayBuffer> {
  const module = readModule(binary);
  return rebuilt(module, {
    [section.code]: () =>
      codeOf(
        module.bodies.map((body, defined) => {
          const reader = new Reader(body);
          reader.unsigned();
          const from = reader.at;
          for (let locals = reader.unsigned(); locals > 0; locals--) {
            reader.unsigned();
            reader.byte();
          }
          const mark = [0x41, ...signed((flags + defined) | 0), 0x41, 1, 0x3a, 0, 0];
          return joined([
            Uint8Array.from(unsigned(body.length - from + mark.length)),
            body.subarray(from, reader.at),
            Uint8Array.from(mark),
            body.subarray(reader.at),
          ]);
        }),
      ),
  });
}

/**
 * The same binary, in which another function stands before one, and does its work where it can. Both come
 * after all others, first the new one and then the one that was there; the numbers of all stay as they are.
 *
 * @param defined - Which, by its number among those that are defined in the binary. It returns nothing.
 * @param before - A module whose one function has the same parameters, calls nothing, and returns 1 where
 *   it has done the work, else 0.
 * @param otherwise - What runs where it has not: the one that was there, or nothing that does not trap.
 * @throws Error for binaries of another form.
 */
export function preceded(
  binary: Uint8Array,
  defined: number,
  before: Uint8Array,
  otherwise: 'own' | 'trap' = 'own',
): Uint8Array<ArrayBuffer> {
  const module = readModule(binary);
  const { functions, importedFunctions, types, bodies } = module;
  if (!precedable(binary, before).includes(defined)) {
    throw new Error('A function is preceded that has other parameters, or returns something.');
  }
  const type = functions[defined] as number;
  const form = new Reader((types[type] as Module['types'][number]).bytes.subarray(1));
  const params = [...form.bytes(form.unsigned())];
  const [body] = bodiesOf(sectionsOf(before));
  const given = params.flatMap((_, at) => [0x20, ...unsigned(at)]);
  const first = importedFunctions + functions.length;
  const call = (number: number) => [...given, 0x10, ...unsigned(number)];
  const trap = sized([0, 0, 0x0b]);
  return rebuilt(module, {
    [section.function]: (content) =>
      appended(content, [unsigned(indexOfType(types, params, [i32])), unsigned(type)]),
    [section.code]: () =>
      codeOf([
        ...bodies.map((own, at) =>
          at === defined
            ? sized([0, ...call(first), 0x45, 0x04, 0x40, ...call(first + 1), 0x0b, 0x0b])
            : own,
        ),
        body as Uint8Array,
        otherwise === 'own' ? (bodies[defined] as Uint8Array) : trap,
      ]),
  });
}

/**
 * Before which functions another may stand; see {@link preceded}.
 *
 * @returns Their numbers among those that are defined in the binary.
 */
export function precedable(binary: Uint8Array, before: Uint8Array): number[] {
  const sections = sectionsOf(before);
  const [type] = typesOf(sections);
  if (!type || bodiesOf(sections).length !== 1) {
    throw new Error('What precedes a function is one function.');
  }
  // The same without the result: 0x60, a vector of parameters, and an empty one.
  const wanted = String([...type.bytes.subarray(0, 2 + type.params), 0]);
  const { functions, types } = readModule(binary);
  return [...functions.keys()].filter(
    (at) => String(types[functions[at] as number]?.bytes) === wanted,
  );
}

/** How many functions are defined in a binary. */
export function functionCount(binary: Uint8Array): number {
  return readModule(binary).functions.length;
}

function sectionsOf(binary: Uint8Array): Module['sections'] {
  const sections: Module['sections'] = [];
  const reader = new Reader(binary);
  for (reader.at = 8; reader.at < binary.length; ) {
    const id = reader.byte();
    sections.push({ id, content: reader.bytes(reader.unsigned()) });
  }
  return sections;
}

/** What `read` reads of each item of a section. */
function eachOf<T>(sections: Module['sections'], id: number, read: (reader: Reader) => T): T[] {
  const found = sections.find((one) => one.id === id);
  if (!found) return [];
  const reader = new Reader(found.content);
  return Array.from({ length: reader.unsigned() }, () => read(reader));
}

function typesOf(sections: Module['sections']): Module['types'] {
  return eachOf(sections, section.type, (from) => {
    let params = 0;
    const bytes = from.since(() => {
      if (from.byte() !== 0x60) throw new Error('The binary has types that are no functions.');
      params = from.unsigned();
      from.bytes(params);
      from.bytes(from.unsigned());
    });
    return { params, bytes };
  });
}

function bodiesOf(sections: Module['sections']): Uint8Array[] {
  return eachOf(sections, section.code, (from) => from.since(() => from.bytes(from.unsigned())));
}

function readModule(binary: Uint8Array): Module {
  const sections = sectionsOf(binary);
  const each = <T>(id: number, read: (reader: Reader) => T) => eachOf(sections, id, read);
  const imports = each(section.import, (from) => {
    from.bytes(from.unsigned());
    from.bytes(from.unsigned());
    const kind = from.byte();
    if (kind === 0) from.unsigned();
    else if (kind === 2) from.limits();
    else throw new Error('The binary imports tables or globals, and cannot be split.');
    return kind;
  });
  const tables = each(section.table, (from) => from.since(() => from.table()));
  const [table] = tables;
  if (!table || tables.length > 1) throw new Error('A binary is split that has one table.');
  return {
    sections,
    types: typesOf(sections),
    importedFunctions: imports.filter((kind) => kind === 0).length,
    functions: each(section.function, (from) => from.unsigned()),
    globals: each(section.global, (from) => {
      const type = from.bytes(2);
      from.constant();
      return type;
    }),
    table,
    bodies: bodiesOf(sections),
  };
}

/** The binary with some sections written anew, and without those that become `undefined`. */
function rebuilt(
  { sections }: Module,
  changes: Readonly<Record<number, (content: Uint8Array) => Uint8Array | undefined>>,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)];
  for (const { id, content } of sections) {
    const change = changes[id];
    const changed = change ? change(content) : content;
    if (!changed) continue;
    parts.push(Uint8Array.from([id, ...unsigned(changed.length)]), changed);
  }
  return joined(parts);
}

/** A section's vector with more at its end. */
function appended(content: Uint8Array, more: readonly (readonly number[])[]): Uint8Array {
  const reader = new Reader(content);
  const count = reader.unsigned();
  return joined([
    Uint8Array.from(unsigned(count + more.length)),
    content.subarray(reader.at),
    Uint8Array.from(more.flat()),
  ]);
}

function codeOf(bodies: readonly Uint8Array[]): Uint8Array {
  return joined([Uint8Array.from(unsigned(bodies.length)), ...bodies]);
}

/** As many passive segments, with nothing in them. */
function emptySegments(content: Uint8Array): Uint8Array {
  const count = new Reader(content).unsigned();
  return Uint8Array.from(vector(Array.from({ length: count }, () => [1, 0])));
}

/** Where runs of numbers begin that are `isIn`, and how long they are. */
function runsOf(length: number, isIn: (at: number) => boolean): [from: number, count: number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < length; at++) {
    if (!isIn(at)) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === at) last[1]++;
    else runs.push([at, 1]);
  }
  return runs;
}

function indexOfType(types: Module['types'], params: number[], results: number[]): number {
  const wanted = [
    0x60,
    ...vector(params.map((type) => [type])),
    ...vector(results.map((r) => [r])),
  ];
  const found = types.findIndex(({ bytes }) => String(Array.from(bytes)) === String(wanted));
  if (found < 0) throw new Error('The binary lacks a type that its parts need.');
  return found;
}

function globalName(at: number): string {
  return `split.${at}`;
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** A body with its size before it. */
function sized(bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...unsigned(bytes.length), ...bytes]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

/** LEB128 of 32 bits with a sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const byte = rest & 127;
    const isLast = rest >> 6 === 0 || rest >> 6 === -1;
    bytes.push(isLast ? byte : byte | 128);
    if (isLast) return bytes;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reads a binary from its beginning. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error('The binary is cut off.');
    return byte;
  }

  bytes(length: number): Uint8Array {
    const from = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) throw new Error('The binary is cut off.');
    return this.#bytes.subarray(from, this.at);
  }

  /** What `read` reads. */
  since(read: () => void): Uint8Array {
    const from = this.at;
    read();
    return this.#bytes.subarray(from, this.at);
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  limits(): void {
    const flags = this.byte();
    this.unsigned();
    if (flags & 1) this.unsigned();
  }

  table(): void {
    if (this.byte() !== 0x70) throw new Error('The binary has a table of something else.');
    this.limits();
  }

  /** A constant expression of one number. */
  constant(): void {
    const opcode = this.byte();
    if (opcode === 0x41 || opcode === 0x42) while (this.byte() > 127);
    else if (opcode === 0x43) this.at += 4;
    else if (opcode === 0x44) this.at += 8;
    else throw new Error('The binary has a global that is no number.');
    if (this.byte() !== 0x0b) throw new Error('The binary has a global that is computed.');
  }
}
