// The limit: the browser's decoder and the engine's run on a tensor that is ready, timed in the
// worker. Nothing stands between them, so nothing that answers a picture can be faster.
import { rpc } from '../rpc.js';

export async function start({ threads = 1, dtype = 'fp32', device = 'wasm' }) {
  const call = rpc(`/pages/cases/bare-${device === 'webgpu' ? 'webgpu-' : ''}thread.js`);
  await call({ url: `/shared/models/mobilenet_v2_1.0_224.${dtype}.onnx`, threads });
  const parts = { decode: [], run: [] };
  return {
    async classify(blob) {
      const { time, decode, run } = await call({ blob });
      parts.decode.push(decode);
      parts.run.push(run);
      return { time };
    },
    detail() {
      const mean = (times) => times.reduce((a, b) => a + b, 0) / times.length;
      return { stages: { decode: mean(parts.decode), inference: mean(parts.run) } };
    },
  };
}
