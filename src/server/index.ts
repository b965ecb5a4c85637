/**
 * A model server in a page, with the Open Inference Protocol in front of it: `tabserve/server`.
 *
 * @module tabserve/server
 * @packageDocumentation
 */
export type { Tensor, TensorData, TensorInfo, Tensors, TensorType } from '../base/tensor.js';
export {
  type DriftFinding,
  DriftMonitor,
  type DriftMonitorEventMap,
  type DriftOptions,
  type DriftReport,
  type Observation,
} from './drift/monitor.js';
export type { WatchDriftOptions } from './drift/watch.js';
export type { BreakerOptions } from './fallback/breaker.js';
export type { FallbackOptions, FallbackReason, FallbackReport } from './fallback/fallback.js';
export {
  type ModelDescription,
  ModelServer,
  type ModelServerEventMap,
  type ModelServerOptions,
} from './model-server.js';
export type { ModelState } from './model-version.js';
export type { Span, Tracer } from './monitoring/tracing.js';
export type { RegisterOptions } from './registry.js';
export type {
  Explainer,
  LoadContext,
  MediaQuestion,
  ModelLoader,
  Question,
  QuestionKind,
  QuestionParameters,
  RequestTreatment,
  ServableModel,
  TaskFace,
  TextPair,
} from './servable.js';
export {
  type FetchFromFrameOptions,
  type FrameLike,
  fetchFromFrame,
} from './service-worker/frames.js';
