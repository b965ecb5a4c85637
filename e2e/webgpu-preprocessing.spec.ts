import { expect, test } from './fixtures.js';
import { compare, type Trial } from './tensor-probe.js';

const input: Trial['input'] = {
  layout: 'NCHW', dtype: 'float32', width: 16, height: 12, channels: 3, colorOrder: 'RGB',
};
const resize = { policy: 'exact', width: 16, height: 12 } as const;

test('try', async ({ open }) => {
  const page = await open();
  page.on('console', (m) => console.log(m.text()));
  for (const dtype of ['float32', 'uint8', 'float16'] as const)
  for (const as of ['png', 'jpeg', 'bitmap', 'canvas', 'frame', 'yuv-frame', 'image-data'] as const)
  for (const alpha of [false, true]) {
    const began = Date.now();
    const r = await compare(page, { input: {...input, dtype}, preprocess: { resize, mean: 0.4, std: 0.3 }, picture: { as, width: 64, height: 48, alpha }, times: 2 }).catch((e) => e.message.slice(0, 300));
    console.log(dtype, as, alpha, JSON.stringify(r), Date.now() - began);
  }
});
