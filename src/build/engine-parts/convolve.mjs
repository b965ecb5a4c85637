/**
 * Runs a graph on an engine, and prints as JSON `digests` of its outputs, or the `message` of what was thrown. In a process of its
 * own, as an engine cannot be started twice in one.
 *
 *     node convolve.mjs ENGINE.wasm MODEL.onnx THREADS
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';

const [engine, model, threads] = process.argv.slice(2);
// As a browser says it; the engine asks for its language.
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'], hardwareConcurrency: 2 };
ort.env.logLevel = 'error';
ort.env.wasm.numThreads = Number(threads);
ort.env.wasm.wasmBinary = readFileSync(engine);
const said = await run().then(
  (digests) => ({ digests }),
  ({ message }) => ({ message }),
);
// The engine's threads do not end by themselves.
process.stdout.write(JSON.stringify(said), () => process.exit(0));

/** @returns SHA-256 of each output. */
async function run() {
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(model)), {
    executionProviders: ['wasm'],
  });
  const feeds = Object.fromEntries(
    session.inputMetadata.map(({ name, shape }, at) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return [name, new ort.Tensor('float32', numbers(length, at), shape)];
    }),
  );
  const outputs = await session.run(feeds);
  return session.outputNames.map((name) => {
    // Which of the many NaNs it is differs by processor.
    const data = outputs[name].data.map((value) => (Number.isNaN(value) ? Number.NaN : value));
    return createHash('sha256').update(data).digest('hex');
  });
}

/** Numbers of -4…4, with zeros of both signs among them, and now and then what is no usual number. */
function numbers(length, seed) {
  const unusual = seed % 5 === 4 ? [Number.NaN, Number.POSITIVE_INFINITY] : [];
  const rare = [0, -0, 1e-40, ...unusual];
  let state = seed + 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24 < 3 ? rare[(state >>> 8) % rare.length] : state / 2 ** 29 - 4;
  });
}
