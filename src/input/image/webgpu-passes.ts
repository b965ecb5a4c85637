/**
 * The way from a picture to the network's input on the GPU: the two passes of resampling
 * (`horizontal.wgsl`, `vertical.wgsl`) and the tensor (`tensor.wgsl`), to the same bits as
 * `passes.wat` and `tensor.ts`.
 */

import { defaultBackground, type GeometryPlan } from './geometry.js';
import horizontalCode from './horizontal.wgsl';
import type { ModelInput, Preprocess } from './manifest.js';
import { luma } from './pixels.js';
import { type AxisTaps, axisTaps } from './taps.js';
import { elementTables } from './tensor.js';
import tensorCode from './tensor.wgsl';
import verticalCode from './vertical.wgsl';
import type { GpuImage } from './webgpu-images.js';

/** The shaders of one device, compiled. */
export interface GpuShaders {
  horizontal: GPUComputePipeline;
  vertical: GPUComputePipeline;
  tensor: GPUComputePipeline;
}

/** Pixels that are on the GPU at a time: 64 MiB. A larger picture comes in bands. */
const bandPixels = 1 << 24;

/** Where each shader's parameters begin in their buffer. Devices want multiples of 256. */
const paramsAt = { horizontal: 0, vertical: 256, tensor: 512 } as const;

/** Workgroups side by side; devices allow 65535. */
const widestGrid = 1 << 15;

/** Invocations of a workgroup, as the shaders have them: 8 × 8, and 64 in a row. */
const tile = 8;
const line = 64;

const alphaModes = { opaque: 0, straight: 1, premultiplied: 2 } as const;

/** Compiles the shaders. */
export async function compileShaders(device: GPUDevice): Promise<GpuShaders> {
  const compile = (code: string) =>
    device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }) },
    });
  const [horizontal, vertical, tensor] = await Promise.all([
    compile(horizontalCode),
    compile(verticalCode),
    compile(tensorCode),
  ]);
  return { horizontal, vertical, tensor };
}

/** What a plan needs on the GPU; the same for all pictures of one size. */
interface Shape {
  key: string;
  columns: AxisTaps;
  rows: AxisTaps;
  bandRows: number;
  texture: GPUTexture;
  buffers: GPUBuffer[];
  horizontal: GPUBindGroup;
  vertical: GPUBindGroup;
  tensor: GPUBindGroup;
}

/** The passes of one model. They own the buffer that its tensor is written to. */
export class GpuPasses {
  readonly #device: GPUDevice;
  readonly #shaders: GpuShaders;
  readonly #unpremultiply: GPUBuffer;
  readonly #channels: 1 | 3;
  readonly #background: number;
  readonly #params: GPUBuffer;
  readonly #tables: GPUBuffer;
  readonly #words: number;
  /** All but the picture's size. */
  readonly #tensorParams: readonly number[];
  #shape: Shape | undefined;
  /** The network's input, `elements` of its dtype, padded to a multiple of 16 bytes. */
  readonly tensor: GPUBuffer;

  /** @param unpremultiply - 65536 bytes, see `horizontal.wgsl`. */
  constructor(
    device: GPUDevice,
    shaders: GpuShaders,
    unpremultiply: GPUBuffer,
    input: ModelInput,
    preprocess: Preprocess,
  ) {
    this.#device = device;
    this.#shaders = shaders;
    this.#unpremultiply = unpremultiply;
    this.#channels = input.channels;
    this.#background = packed(preprocess.background ?? defaultBackground);
    const { elements, bytes, perWord } = tensorSize(input);
    this.#words = Math.ceil(elements / perWord);
    const { STORAGE, COPY_DST, COPY_SRC, UNIFORM } = GPUBufferUsage;
    this.tensor = device.createBuffer({ size: bytes, usage: STORAGE | COPY_DST | COPY_SRC });
    this.#tables = this.#filled(
      elementTables(input, preprocess).flatMap((table) =>
        // As bits, whatever the type.
        Array.from(table instanceof Float32Array ? new Uint32Array(table.buffer) : table),
      ),
    );
    this.#params = device.createBuffer({ size: 768, usage: UNIFORM | COPY_DST });
    this.#tensorParams = [
      this.#words,
      elements,
      perWord,
      input.channels,
      input.width,
      input.width * input.height,
      Number(input.layout === 'NCHW'),
      Number(input.colorOrder === 'BGR'),
      grid(this.#words)[0] * line,
    ];
  }

  /**
   * Why the device cannot do this; `undefined` if it can.
   *
   * @param plan - With a window that is not empty.
   */
  obstacle(plan: GeometryPlan): string | undefined {
    if (this.#shape?.key === keyOf(plan)) return undefined;
    const { maxTextureDimension2D, maxStorageBufferBindingSize } = this.#device.limits;
    const [columns, rows] = this.#taps(plan);
    const width = columns.to - columns.from;
    if (width > maxTextureDimension2D) {
      return `${width} columns are needed of the picture, and the GPU's textures have ${maxTextureDimension2D}`;
    }
    const narrow = (rows.to - rows.from) * plan.window.width * 4;
    if (narrow > maxStorageBufferBindingSize) {
      return `${narrow} bytes are needed between the passes, and the GPU's buffers have ${maxStorageBufferBindingSize}`;
    }
    return undefined;
  }

  /**
   * Hands all work to the GPU: afterwards, in the order of its queue, {@link tensor} is written.
   *
   * Everything is issued before this returns, so that nothing can come in between.
   *
   * @throws DOMException where the browser cannot copy the image.
   */
  run(image: GpuImage, plan: GeometryPlan): void {
    const { queue } = this.#device;
    const shape = this.#shapeFor(plan);
    const { columns, rows, bandRows } = shape;
    const { region, window, output } = plan;
    const width = columns.to - columns.from;
    const height = rows.to - rows.from;
    for (let row = 0; row < height; row += bandRows) {
      const count = Math.min(bandRows, height - row);
      queue.copyExternalImageToTexture(
        {
          source: image.bitmap,
          origin: { x: region.x + columns.from, y: region.y + rows.from + row },
        },
        { texture: shape.texture, premultipliedAlpha: image.alpha === 'premultiplied' },
        [width, count],
      );
      this.#setParams('horizontal', [
        window.width,
        count,
        row,
        alphaModes[image.alpha],
        Number(this.#channels === 1),
        this.#background,
      ]);
      this.#submit((pass) => {
        pass.setPipeline(this.#shaders.horizontal);
        pass.setBindGroup(0, shape.horizontal);
        pass.dispatchWorkgroups(Math.ceil(window.width / tile), Math.ceil(count / tile));
      });
    }
    this.#submit((pass) => {
      pass.setPipeline(this.#shaders.vertical);
      pass.setBindGroup(0, shape.vertical);
      pass.dispatchWorkgroups(Math.ceil(output.width / tile), Math.ceil(output.height / tile));
      pass.setPipeline(this.#shaders.tensor);
      pass.setBindGroup(0, shape.tensor);
      pass.dispatchWorkgroups(...grid(this.#words));
    });
  }

  /** Gives the GPU's memory back. */
  close(): void {
    this.#drop();
    for (const buffer of [this.tensor, this.#tables, this.#params]) buffer.destroy();
  }

  #taps({
    region,
    resized,
    window,
    filter,
    antialias,
    reference,
  }: GeometryPlan): [AxisTaps, AxisTaps] {
    return [
      axisTaps(
        region.width,
        resized.width,
        window.x,
        window.width,
        filter,
        antialias,
        0,
        region.width,
        reference,
      ),
      axisTaps(
        region.height,
        resized.height,
        window.y,
        window.height,
        filter,
        antialias,
        0,
        region.height,
        reference,
      ),
    ];
  }

  /** What the last picture left, if this one is like it. */
  #shapeFor(plan: GeometryPlan): Shape {
    const key = keyOf(plan);
    if (this.#shape?.key === key) return this.#shape;
    this.#drop();
    const device = this.#device;
    const { window, output, offset, border } = plan;
    const [columns, rows] = this.#taps(plan);
    const width = columns.to - columns.from;
    const height = rows.to - rows.from;
    const bandRows = Math.min(
      height,
      device.limits.maxTextureDimension2D,
      Math.max(1, Math.floor(bandPixels / width)),
    );
    const texture = device.createTexture({
      size: [width, bandRows],
      format: 'rgba8unorm',
      usage:
        GPUTextureUsage.TEXTURE_BINDING |
        GPUTextureUsage.COPY_DST |
        GPUTextureUsage.RENDER_ATTACHMENT,
    });
    const { STORAGE } = GPUBufferUsage;
    const narrow = device.createBuffer({ size: height * window.width * 4, usage: STORAGE });
    const crop = device.createBuffer({ size: output.width * output.height * 4, usage: STORAGE });
    const columnTaps = this.#filled(planes(columns));
    const rowTaps = this.#filled(planes(rows));
    this.#setParams('vertical', [
      output.width,
      output.height,
      offset.x,
      offset.y,
      window.width,
      window.height,
      this.#channels === 1 ? luma(...border) : packed(border),
    ]);
    this.#setParams('tensor', [...this.#tensorParams, output.width, output.height]);
    this.#shape = {
      key,
      columns,
      rows,
      bandRows,
      texture,
      buffers: [narrow, crop, columnTaps, rowTaps],
      horizontal: this.#bind('horizontal', [texture, columnTaps, this.#unpremultiply, narrow]),
      vertical: this.#bind('vertical', [narrow, rowTaps, crop]),
      tensor: this.#bind('tensor', [crop, this.#tables, this.tensor]),
    };
    return this.#shape;
  }

  #drop(): void {
    if (!this.#shape) return;
    this.#shape.texture.destroy();
    for (const buffer of this.#shape.buffers) buffer.destroy();
    this.#shape = undefined;
  }

  /** Binds what a shader works with, its parameters last. */
  #bind(stage: keyof GpuShaders, resources: readonly (GPUTexture | GPUBuffer)[]): GPUBindGroup {
    const entries = resources.map((resource, binding) => ({
      binding,
      resource: 'createView' in resource ? resource.createView() : { buffer: resource },
    }));
    const params = { buffer: this.#params, offset: paramsAt[stage], size: 48 };
    return this.#device.createBindGroup({
      layout: this.#shaders[stage].getBindGroupLayout(0),
      entries: [...entries, { binding: entries.length, resource: params }],
    });
  }

  #setParams(stage: keyof GpuShaders, values: readonly number[]): void {
    this.#device.queue.writeBuffer(this.#params, paramsAt[stage], Uint32Array.from(values));
  }

  #filled(values: readonly number[] | Int32Array<ArrayBuffer>): GPUBuffer {
    const data = values instanceof Int32Array ? values : Uint32Array.from(values);
    const { STORAGE, COPY_DST } = GPUBufferUsage;
    const buffer = this.#device.createBuffer({ size: data.byteLength, usage: STORAGE | COPY_DST });
    this.#device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }

  #submit(record: (pass: GPUComputePassEncoder) => void): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    record(pass);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }
}

/** Elements of the network's input, and the bytes of a buffer for it. */
export function tensorSize({ width, height, channels, dtype }: ModelInput): {
  elements: number;
  bytes: number;
  perWord: number;
} {
  const elements = width * height * channels;
  // Other types are the CPU's.
  const perWord = dtype === 'float16' ? 2 : dtype === 'uint8' ? 4 : 1;
  return { elements, perWord, bytes: Math.ceil((elements * 4) / perWord / 16) * 16 };
}

/** Taps as the shaders read them: neighbouring outputs lie side by side. */
export function planes({ first, count, size, weights }: AxisTaps): Int32Array<ArrayBuffer> {
  const outputs = first.length;
  const stored = new Int32Array(outputs * (2 + size));
  stored.set(first);
  stored.set(count, outputs);
  for (let i = 0; i < outputs; i++) {
    for (let t = 0; t < size; t++) {
      stored[(2 + t) * outputs + i] = weights[i * size + t] as number;
    }
  }
  return stored;
}

/** What plans share that need the same of the GPU: all but the region's place. */
function keyOf({ region: { width, height }, ...rest }: GeometryPlan): string {
  return JSON.stringify([width, height, rest]);
}

/** Workgroups across and down for so many words. */
function grid(words: number): [number, number] {
  const groups = Math.ceil(words / line);
  const across = Math.min(groups, widestGrid);
  return [across, Math.ceil(groups / across)];
}

/** RGB of 0…255 in one number, red lowest. */
function packed([red, green, blue]: readonly [number, number, number]): number {
  return red | (green << 8) | (blue << 16);
}
