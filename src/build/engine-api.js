/**
 * Stands in for `onnxruntime-common` in the worker for WASM, which uses next to nothing of it: bytes
 * in, numbers out. Workers with a GPU have the original.
 */
export const env = { logLevel: 'warning', wasm: {}, webgpu: {} };

export class Tensor {
  location = 'cpu';

  constructor(type, data, dims) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }
}

const trace = () => {};

export {
  trace as TRACE_EVENT_BEGIN,
  trace as TRACE_EVENT_END,
  trace as TRACE_FUNC_BEGIN,
  trace as TRACE_FUNC_END,
};
