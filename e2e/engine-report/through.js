/**
 * Runs cases through `TensorModel` with `device: 'auto'`: first on WASM, then wherever it has moved to.
 * WASM's clock is hurried (see `run.ts`), so that `auto` moves wherever the answers are the same.
 */
import { compare, loadCases, read } from './cases.js';

const { TensorModel } = await import('/dist/index.js');

/** Models that are under way at a time: most of the time they wait. */
const lanes = 6;

/** Milliseconds for a model to move, or to say why it does not. */
const patience = 40_000;

/**
 * Of quantised graphs: a number that falls on the other side of a rounding is one step off, which tabserve
 * allows (`tolerances.int8` of `src/runtime/compare.ts`).
 */
const aStep = 0.05;

let cases;
window.loadCases = async (folder) => {
  cases = await loadCases(folder);
  return cases.map(({ name, set, about }) => ({ name, set, about }));
};

async function runCase(each) {
  let model;
  let stage = 'create';
  const tolerance = /QDQ/.test(each.about.op) ? aStep : undefined;
  try {
    model = await TensorModel.create({ model: each.model.slice() });
    stage = 'run';
    const feeds = Object.fromEntries(
      each.inputs.map((tensor) => [
        tensor.name,
        { type: tensor.type, dims: tensor.dims, data: read(tensor) },
      ]),
    );
    const first = compare(each, await model.run(feeds), tolerance);
    const began = performance.now();
    const isOpen = () =>
      model.info.device === 'wasm' &&
      !/measured/.test(model.info.reason) &&
      !model.info.fallbacks.some(({ from }) => from === 'webgpu');
    while (isOpen() && performance.now() - began < patience) {
      await new Promise((done) => setTimeout(done, 50));
    }
    const second = compare(each, await model.run(feeds), tolerance);
    const { device, verified, fallbacks } = model.info;
    const worse = first.status === 'wrong' ? first : second;
    const why = isOpen() ? 'auto tried nothing' : fallbacks.map(({ reason }) => reason).join('; ');
    return { ...worse, device, verified, ...(why && { why: why.slice(0, 400) }) };
  } catch (error) {
    return { status: 'refused', stage, message: String(error.message).slice(0, 300) };
  } finally {
    model?.destroy();
  }
}

/** Results so far, in order: what is left of a batch whose page stopped answering. */
window.results = [];
window.runCases = async (from, to) => {
  const results = [];
  window.results = results;
  let next = from;
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (next < to) {
        const index = next++;
        results[index - from] = await runCase(cases[index]);
      }
    }),
  );
  return results;
};
window.isReady = true;
