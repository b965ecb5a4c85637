// The usual page with onnxruntime-web in a worker of the author's own.
import { followWith } from '../follow.js';
import { rpc } from '../rpc.js';

export async function start({ threads = 1, dtype = 'fp32' }) {
  const call = rpc('/pages/cases/hand-worker-thread.js');
  await call({ url: `/shared/models/mobilenet_v2_1.0_224.${dtype}.onnx`, threads });
  return {
    classify: async (image) => ({ label: (await call({ image })).label }),
    watch: followWith(async (video) => {
      const image = await createImageBitmap(video);
      await call({ image }, [image]);
    }),
  };
}
