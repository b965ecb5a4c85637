/**
 * Runs cases on one execution provider and compares them with what is right. Loaded with
 * `?build=jspi|webgpu`: the engine's two builds that compute on a GPU.
 */
const build = new URLSearchParams(location.search).get('build');
const ort = await import(`/ort/ort.${build}.bundle.min.mjs`);
ort.env.wasm.wasmPaths = {
  wasm: `/ort/ort-wasm-simd-threaded.${build === 'jspi' ? 'jspi' : 'asyncify'}.wasm`,
};
ort.env.wasm.numThreads = 1;

let cases;
let blob;

/** What the engine said, for where it put the nodes. It writes by way of the console. */
let said = [];
for (const level of ['log', 'warn', 'info', 'debug', 'error']) {
  console[level] = (...words) => said.push(words.join(' '));
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Reads a tensor of the index. Half precision is left as it is written. */
function read({ type, at: [from, length] }) {
  const TypedArray = type === 'float16' ? Uint16Array : arrays[type];
  return new TypedArray(blob.slice(from, from + length));
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

function numbers(data, type) {
  if (type !== 'float16') return Array.from(data, Number);
  return data instanceof Uint16Array ? Array.from(data, half) : Array.from(data);
}

/**
 * How far numbers are from the right ones: the largest difference as a share of the largest right
 * magnitude (at least 1), and how many are further off than `tolerance`.
 */
function distance(found, right, tolerance) {
  let scale = 1;
  for (const value of right) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  let largest = 0;
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    const same = Object.is(found[i], right[i]) || found[i] === right[i];
    const off1 = same ? 0 : Math.abs(found[i] - right[i]) / scale;
    const difference = Number.isNaN(off1) ? Number.POSITIVE_INFINITY : off1;
    if (difference > tolerance) off += 1;
    if (difference > largest) largest = difference;
  }
  return { largest, off, of: right.length };
}

async function runCase(each, provider) {
  const feeds = {};
  for (const tensor of each.inputs) {
    feeds[tensor.name] = new ort.Tensor(tensor.type, read(tensor), tensor.dims);
  }
  const model = new Uint8Array(blob, ...each.model);
  said = [];
  let session;
  try {
    session = await ort.InferenceSession.create(model, {
      executionProviders: [provider],
      logSeverityLevel: 0,
    });
  } catch (error) {
    return { status: 'refused', stage: 'create', message: String(error.message).slice(0, 300) };
  }
  // Placements are told while the session is created.
  const cpuNodes = said.flatMap((line) => {
    const found = /placed on \[CPUExecutionProvider\]|\[CPUExecutionProvider\]\. Number/.exec(line);
    return found ? [line] : [];
  });
  const ops = new Set();
  let isCpu = false;
  for (const line of said.flatMap((text) => text.split('\n'))) {
    if (/placed on \[/.test(line)) isCpu = line.includes('[CPUExecutionProvider]');
    else if (isCpu) {
      const op = /\]?\s+([A-Z]\w+) \(/.exec(line)?.[1];
      if (op) ops.add(op);
    }
  }
  const cpu = cpuNodes.length > 0 ? [...ops] : undefined;
  try {
    const outputs = await session.run(feeds);
    let worst = { largest: 0, off: 0, of: 0 };
    for (const right of each.outputs) {
      const found = outputs[right.name];
      if (!found) return { status: 'wrong', message: `no output ${right.name}`, cpu };
      if (found.dims.join() !== right.dims.join()) {
        return { status: 'wrong', message: `shape ${found.dims} not ${right.dims}`, cpu };
      }
      const tolerance =
        { float32: 1e-3, float16: 1e-2, float64: 1e-6, int8: 1 / 127, uint8: 1 / 255 }[
          right.type
        ] ?? 0;
      const each = distance(
        numbers(await found.getData(), right.type),
        numbers(read(right), right.type),
        tolerance,
      );
      if (each.off > worst.off || each.largest > worst.largest) worst = each;
    }
    return { status: worst.off > 0 ? 'wrong' : 'right', ...worst, cpu };
  } catch (error) {
    return { status: 'refused', stage: 'run', message: String(error.message).slice(0, 300), cpu };
  } finally {
    await session.release().catch(() => undefined);
  }
}

window.loadCases = async (folder) => {
  cases = await (await fetch(`${folder}/cases.json`)).json();
  blob = await (await fetch(`${folder}/cases.bin`)).arrayBuffer();
  return cases.map(({ name, set, about }) => ({ name, set, about }));
};
window.rawLog = async (index, provider) => {
  const result = await runCase(cases[index], provider);
  return { result, said };
};
/** Results so far: what is left of a batch whose page stopped answering. */
window.results = [];
window.runCases = async (from, to, provider) => {
  window.results = [];
  for (let index = from; index < to; index++) {
    window.results.push(await runCase(cases[index], provider));
  }
  return window.results;
};
window.isReady = true;
