/**
 * Finds out which functions of the engine run, and with which operators.
 *
 *     python models.py FOLDER
 *     node profile.mjs FOLDER
 *
 * Loads each network as tabserve does, runs it twice with one picture and once with two, and does with
 * the engine what else belongs to a first answer: models that are none, inputs that do not fit. Writes
 * `engine-profile.json`, which the build splits the engine by, and checks the split on the same networks:
 * no function of the cold part is called, and the numbers are the same.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as ort from 'onnxruntime-web';
import { runnerImport } from 'vite';

const folder = resolve(process.argv[2] ?? '.');
const here = import.meta.dirname;
const root = resolve(here, '../../../..');
const load = async (path) => (await runnerImport(resolve(root, path))).module;
const { functionCount, instrumented, precedable, splitExports, splitModule } = await load(
  'src/build/engine-parts/split.ts',
);
const { assembledKernel, withDirectKernel } = await load('src/build/engine-parts/direct.ts');
const { widenHalves } = await load('src/runtime/widen.ts');
const { widenIntegers } = await load('src/runtime/widen-weights.ts');
const { operatorsOf } = await load('src/model/onnx/operators.ts');

const package_ = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const { version } = JSON.parse(readFileSync(join(package_, '../package.json'), 'utf8'));
const name = 'ort-wasm-simd-threaded.wasm';
const binary = readFileSync(join(package_, name));
const count = functionCount(binary);

const embedded = [
  'digits/digits.onnx',
  'everyday/everyday.fp16.onnx',
  'everyday/everyday.int8.onnx',
  'photos/photos.int8.onnx',
].map((path) => resolve(root, 'models', path));
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .sort()
  .map((file) => join(folder, file));

// As a browser says it; the engine asks for its language.
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'], hardwareConcurrency: 2 };

const [mode, threads = '1', pass = '1'] = process.argv.slice(3);
if (mode === 'run') await run(Number(threads), pass);
else if (mode === 'check') await check(threads);
// Puts together what earlier runs have written.
else await profile();

/** What one process finds: an engine cannot be started twice in one. */
async function run(threads, pass) {
  const pages = 16384;
  const flags = pages * 65536 - 65536;
  let memory;
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor.initial === 0 ? descriptor : { ...descriptor, initial: pages });
      if (descriptor.initial !== 0) memory = this;
    }
  };
  const found = [];
  const hear = (network, operators) => {
    const marks = new Uint8Array(memory.buffer, flags, count);
    found.push({ network, operators, seen: Buffer.from(marks).toString('base64') });
    marks.fill(0);
  };
  await answers(instrumented(binary, flags), threads, { done: hear });
  writeFileSync(join(folder, `seen-${threads}-${pass}.json`), JSON.stringify(found));
}

/** Runs all networks. `heard` is told the sum of each one's outputs, `done` when it is through with it. */
async function answers(engine, threads, { heard = () => undefined, done = () => undefined }) {
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmBinary = engine;
  runWithoutOptions();
  // What a worker starts the engine with; see `identityModel` in src/runtime/backend.ts.
  const identity = Buffer.from(
    'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==',
    'base64',
  );
  const small = await ort.InferenceSession.create(new Uint8Array(identity), {
    executionProviders: ['wasm'],
  });
  await small.release();
  for (const file of [...embedded, ...files]) {
    const stored = new Uint8Array(readFileSync(file));
    const model = widenHalves(widenIntegers(stored));
    try {
      const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
      const [input] = session.inputMetadata;
      for (const pictures of [1, 1, 2]) {
        const dims = input.shape.map((size, at) =>
          typeof size === 'number' && size > 0 && size < 1e6 ? size : at === 0 ? pictures : 224,
        );
        if (dims[0] !== pictures && pictures === 2) continue;
        const length = dims.reduce((product, size) => product * size, 1);
        const data = Float32Array.from({ length }, (_, at) => Math.sin(at / 97));
        const outputs = await session.run({ [input.name]: new ort.Tensor('float32', data, dims) });
        const sum = Object.values(outputs).reduce(
          (all, { data }) => data.reduce((s, v) => s + Number(v), all),
          0,
        );
        heard(`${basename(file)} ${pictures}: ${sum}`);
      }
      // As the engine says it to those who feed it wrongly.
      await session
        .run({ [input.name]: new ort.Tensor('float32', new Float32Array(3), [3]) })
        .catch(() => undefined);
      await session.release();
      done(basename(file, '.onnx'), [...operatorsOf(stored)]);
    } catch (error) {
      console.error(`${basename(file)}: ${error.message ?? error}`);
    }
  }
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(100),
    readFileSync(embedded[0]).subarray(0, 30_000),
  ]) {
    await ort.InferenceSession.create(new Uint8Array(bytes), {
      executionProviders: ['wasm'],
    }).catch(() => undefined);
  }
  done(null, []);
}

async function profile() {
  const { spawnSync } = await import('node:child_process');
  const self = (...args) => {
    const { status } = spawnSync(process.execPath, [import.meta.filename, folder, ...args], {
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error(`${args.join(' ')} failed.`);
  };
  const hot = new Uint8Array(count);
  const operators = new Set();
  const networks = new Set();
  const networksHere = new Set([...embedded, ...files].map((file) => basename(file, '.onnx')));
  // More than once: what the allocator and the pool do is not the same in every run.
  for (const args of [
    ['1', '1'],
    ['1', '2'],
    ['2', '1'],
    ['2', '2'],
  ]) {
    if (mode !== 'merge') self('run', ...args);
    const file = join(folder, `seen-${args.join('-')}.json`);
    for (const each of JSON.parse(readFileSync(file, 'utf8'))) {
      if (each.network && !networksHere.has(each.network)) continue;
      for (const [at, byte] of Buffer.from(each.seen, 'base64').entries()) if (byte) hot[at] = 1;
      for (const operator of each.operators) operators.add(operator);
      if (each.network) networks.add(each.network);
    }
  }
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (const [at, is] of hot.entries()) if (is) bits[at >> 3] |= 1 << (at & 7);
  const written = {
    engine: { version, file: name, sha256: createHash('sha256').update(binary).digest('hex') },
    networks: [...networks],
    operators: [...operators].sort(),
    functions: count,
    convolve: await placeOfKernel(hot),
    hot: Buffer.from(bits).toString('base64'),
  };
  writeFileSync(resolve(here, '../engine-profile.json'), `${JSON.stringify(written, null, 2)}\n`);
  const parts = splitModule(binary, (at) => hot[at] === 1);
  const sizes = [parts.hot, parts.cold].map(
    (part) => `${part.length}, ${gzipSync(part, { level: 9 }).length} as gzip`,
  );
  console.log(
    `${hot.reduce((sum, is) => sum + is, 0)} of ${count} functions: hot ${sizes[0]}; cold ${sizes[1]}`,
  );
  for (const part of ['whole', 'hot']) self('check', part);
  const [whole, hotPart] = ['whole', 'hot'].map((part) =>
    JSON.parse(readFileSync(join(folder, `check-${part}.json`), 'utf8')),
  );
  const isSame = String(whole.runs) === String(hotPart.runs);
  console.log(
    `${hotPart.runs.length} runs, ${isSame ? 'the same numbers' : 'OTHER NUMBERS'} on the hot part alone; cold functions called: ${hotPart.cold.join(', ') || 'none'}.`,
  );
  if (!isSame || hotPart.cold.length > 0) process.exitCode = 1;
}

/** The function before which the kernel for depthwise convolutions works, found by trying. */
async function placeOfKernel(hot) {
  for (const at of precedable(binary, await assembledKernel())) {
    if (hot[at] !== 1) continue;
    const isIt = await withDirectKernel(binary, at).then(
      () => true,
      () => false,
    );
    if (isIt) return at;
  }
  throw new Error(
    'The kernel works before no function: see whether its parameters lie elsewhere now (depthwise.ts).',
  );
}

/** Runs all networks on the whole engine, or on its hot part alone, and writes down what came out. */
async function check(part) {
  const { hot: text } = JSON.parse(readFileSync(resolve(here, '../engine-profile.json'), 'utf8'));
  const bits = Buffer.from(text, 'base64');
  const { hot } = splitModule(binary, (at) => (bits[at >> 3] >> (at & 7)) & 1);
  const { instantiate } = WebAssembly;
  const cold = [];
  const refuse = (slot) => {
    cold.push(slot - 1);
    throw new Error(`Function ${slot - 1} is cold.`);
  };
  WebAssembly.instantiate = async (...args) => {
    const made = await instantiate(...args);
    const table = (made.instance ?? made).exports[splitExports.calls];
    const relay = new WebAssembly.Instance(relayModule(), { e: { f: refuse } });
    table?.set(0, relay.exports.f);
    return made;
  };
  const runs = [];
  await answers(part === 'hot' ? hot : binary, 1, { heard: (line) => runs.push(line) });
  writeFileSync(join(folder, `check-${part}.json`), JSON.stringify({ runs, cold }));
}

/** Has the engine run with no options at all, as tabserve's build of its script does. */
function runWithoutOptions() {
  const glue = readFileSync(join(package_, name.replace(/wasm$/, 'mjs')), 'utf8');
  const exported = /_OrtRun=\w+\.(\w+)/.exec(glue)?.[1];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const { instance, module } = await instantiate(...args);
    const real = instance.exports[exported];
    if (!real) throw new Error(`The engine has no ${exported}.`);
    const run = (...given) => real(...given.slice(0, -1), 0);
    return { module, instance: { exports: { ...instance.exports, [exported]: run } } };
  };
}

/** Re-exports a function of the host, so that a table takes it. */
function relayModule() {
  return new WebAssembly.Module(
    Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      5,
      1,
      96,
      1,
      127,
      0,
      2,
      7,
      1,
      1,
      101,
      1,
      102,
      0,
      0,
      7,
      5,
      1,
      1,
      102,
      0,
      0,
    ),
  );
}
