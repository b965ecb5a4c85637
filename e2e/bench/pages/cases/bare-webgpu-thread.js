import * as ort from '/ort/ort.jspi.bundle.min.mjs';

let session;
let tensor;

self.onmessage = async ({ data: { id, url, blob } }) => {
  if (url) {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    const device = await adapter.requestDevice();
    session = await ort.InferenceSession.create(url, {
      executionProviders: [{ name: 'webgpu', device }],
    });
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const size = 3 * 224 * 224 * 4;
    const buffer = device.createBuffer({ size, usage: STORAGE | COPY_DST | COPY_SRC });
    const dims = [1, 3, 224, 224];
    tensor = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims });
    self.postMessage({ id });
    return;
  }
  const asked = performance.now();
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
  const decoded = performance.now();
  bitmap.close();
  await session.run({ input: tensor });
  const ran = performance.now();
  self.postMessage({ id, time: ran - asked, decode: decoded - asked, run: ran - decoded });
};
