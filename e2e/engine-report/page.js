/**
 * Runs cases on one execution provider and compares them with what is right. Loaded with
 * `?build=jspi|webgpu`: the engine's two builds that compute on a GPU.
 */
import { compare, loadCases, read } from './cases.js';

const build = new URLSearchParams(location.search).get('build');
const ort = await import(`/ort/ort.${build}.bundle.min.mjs`);
ort.env.wasm.wasmPaths = {
  wasm: `/ort/ort-wasm-simd-threaded.${build === 'jspi' ? 'jspi' : 'asyncify'}.wasm`,
};
ort.env.wasm.numThreads = 1;

/** What the engine said, for where it put the nodes. It writes by way of the console. */
let said = [];
for (const level of ['log', 'warn', 'info', 'debug', 'error']) {
  console[level] = (...words) => said.push(words.join(' '));
}

async function runCase(each, provider) {
  const feeds = {};
  for (const tensor of each.inputs) {
    feeds[tensor.name] = new ort.Tensor(tensor.type, read(tensor), tensor.dims);
  }
  const { model } = each;
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
    const found = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      found[name] = { dims: tensor.dims, data: await tensor.getData() };
    }
    return { ...compare(each, found), cpu };
  } catch (error) {
    return { status: 'refused', stage: 'run', message: String(error.message).slice(0, 300), cpu };
  } finally {
    await session.release().catch(() => undefined);
  }
}

let cases;
window.loadCases = async (folder) => {
  cases = await loadCases(folder);
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
