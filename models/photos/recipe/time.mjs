// Time of one photo against other models, on onnxruntime-web's WASM backend, one thread, in turn within one process:
//   node time.mjs FILE.onnx:SIDE [FILE.onnx:SIDE …]     the first is what the others are compared with
// A file with int8 weights is slower here than in tabserve, which widens them at load: measure its fp32 twin.
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';

ort.env.wasm.numThreads = 1;
const rounds = 25;
const models = [];
for (const argument of process.argv.slice(2)) {
  const [file, side] = argument.split(':');
  const session = await ort.InferenceSession.create(readFileSync(file), {
    executionProviders: ['wasm'],
  });
  const data = Float32Array.from({ length: 3 * side * side }, () => Math.random() * 2 - 1);
  const input = new ort.Tensor('float32', data, [1, 3, Number(side), Number(side)]);
  models.push({ argument, session, input, times: [] });
}
for (let round = 0; round < rounds; round++) {
  for (const { session, input, times } of models) {
    const start = performance.now();
    await session.run({ [session.inputNames[0]]: input });
    times.push(performance.now() - start);
  }
}
const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
for (const { argument, times } of models) {
  const ratio = median(times) / median(models[0].times);
  console.log(
    `${argument}: median ${median(times).toFixed(1)} ms, ${ratio.toFixed(3)} of the first`,
  );
}
