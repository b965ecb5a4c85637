/** What a deployment is asked for, and what it says. */
import type { ClassifierInfo, Device, Fallback, RequestPriority } from '../api/types.js';
import type { ProgressListener } from '../wire/progress.js';
import type { LoadedModel, RunResult } from '../wire/protocol.js';
import type { BackendPlan } from './backends.js';
import type { ModelSettings } from './replica.js';

/** Everything about a model but where it runs. */
export interface DeploymentSettings extends ModelSettings {
  ownWorker: boolean;
  /** Workers that may serve it at a time. */
  maxWorkers: number;
  /** Milliseconds without a request after which the model is unloaded; `null` for never. */
  idleTimeout: number | null;
}

/** What a `Deployment` tells. */
export interface DeploymentListener {
  /** Its `state` has changed. */
  onStateChange(): void;
  /** It has moved to another device: `serving` has changed. */
  onDeviceChange(): void;
}

/** Options of `Deployment.load`. */
export interface LoadOptions {
  /** Stops the waiting, not the load, which others may wait for. */
  signal?: AbortSignal | undefined;
  onProgress?: ProgressListener | undefined;
}

/** How `Deployment.run` treats a request. */
export interface RequestOptions {
  /** Captures what can change at the call, rather than when its turn comes. */
  captureNow: boolean;
  priority: RequestPriority;
  /** How many sources of the same call come after this one. */
  behind: number;
  signal: AbortSignal;
  /**
   * Milliseconds that are left for the request; `null` for as many as it takes.
   *
   * @throws TabserveError `timeout` when there are none, even where a throttled timer is late.
   */
  timeLeft(): number | null;
}

/** A result, and what it took. */
export interface Served extends RunResult {
  /** What answered. */
  device: Device;
  /** Milliseconds of capturing the source, and of waiting for a slot. */
  captured: number;
  waited: number;
  /** 2 if the worker was lost in the middle of the first attempt. */
  attempts: number;
}

/** What serves the model. */
export interface Serving {
  loaded: LoadedModel;
  plan: BackendPlan;
  /** Milliseconds that loading took. */
  loadTime: number;
  /** What its answers were checked against. */
  verified: ClassifierInfo['verified'];
  /** Everything that was given up or assumed for it. */
  fallbacks: readonly Fallback[];
}
