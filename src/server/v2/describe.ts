/** What a model is, in the protocol's words and in Triton's. */
import type { TensorInfo } from '../../base/tensor.js';
import type { ModelVersion } from '../model-version.js';
import type { RegisteredModel } from '../registry.js';
import type { ServableModel } from '../servable.js';
import { datatypeOf } from './datatypes.js';

/** The answer of a model's metadata. */
export function metadataOf(
  model: RegisteredModel,
  _version: ModelVersion,
  { graph }: ServableModel,
): object {
  return {
    name: model.name,
    versions: model.versions.filter((each) => each.isServed).map((each) => each.version),
    platform: 'onnxruntime_onnx',
    inputs: graph.inputs.map(tensorMetadata),
    outputs: graph.outputs.map(tensorMetadata),
  };
}

function tensorMetadata({ name, type, shape }: TensorInfo): object {
  return { name, datatype: datatypeOf(type) ?? type, shape: shape.map(sizeOf) };
}

/** A model's configuration as Triton shows it. What a load was given replaces what is here. */
export function configOf(
  model: RegisteredModel,
  version: ModelVersion,
  { graph, info }: ServableModel,
): object {
  return {
    name: model.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    runtime: '',
    version_policy: { specific: { versions: model.versions.map((each) => each.version) } },
    max_batch_size: 0,
    input: graph.inputs.map((each) => ({
      ...tensorConfig(each),
      format: 'FORMAT_NONE',
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
    })),
    output: graph.outputs.map((each) => ({
      ...tensorConfig(each),
      label_filename: '',
      is_shape_tensor: false,
    })),
    instance_group: [
      {
        name: `${model.name}_0`,
        kind: info.device === 'webgpu' ? 'KIND_GPU' : 'KIND_CPU',
        count: version.workers ?? 1,
        gpus: [],
        profile: [],
        passive: false,
        host_policy: '',
      },
    ],
    default_model_filename: 'model.onnx',
    parameters: {},
    ...version.config,
  };
}

function tensorConfig({ name, type, shape }: TensorInfo): object {
  const datatype = datatypeOf(type) ?? type;
  const data_type = datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
  return { name, data_type, dims: shape.map(sizeOf) };
}

/** What the graph leaves open is -1. */
function sizeOf(size: number | string): number {
  return typeof size === 'number' ? size : -1;
}
