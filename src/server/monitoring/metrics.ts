/**
 * `/metrics`: the server's account under the names that Triton and KServe give it, and, where neither
 * has one, under its own.
 */
import type { ServerContext } from '../context.js';
import type { DriftWatch } from '../drift/watch.js';
import { writeError } from '../http/body.js';
import type { Route } from '../http/router.js';
import type { ModelVersion } from '../model-version.js';
import { type Stage, stages, tritonStages, type VersionStatistics } from '../statistics.js';
import { exposition, expositionType, type Labels, type Metric } from './exposition.js';

/** Counts requests by method and status, whatever they were for. */
export class MeterOfRequests {
  readonly #counts = new Map<string, number>();

  count(method: string, status: number): void {
    const key = `${method} ${status}`;
    // Methods are the callers' words.
    if (this.#counts.size >= 256 && !this.#counts.has(key)) return;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  get samples(): { labels: Labels; value: number }[] {
    return [...this.#counts].map(([key, value]) => {
      const [method = '', code = ''] = key.split(' ');
      return { labels: { method, code }, value };
    });
  }
}

/** Its route. */
export function metricsRoutes(
  context: ServerContext,
  meter: MeterOfRequests,
  drift: DriftWatch,
): Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      handler: () =>
        new Response(
          exposition([...metricsOf(context, meter), driftOf(context, drift), fallbacksOf(context)]),
          {
            headers: { 'Content-Type': expositionType },
          },
        ),
      writeError,
    },
  ];
}

/** KServe's histograms, by the stages that they are made of here. */
const kserve: readonly [name: string, help: string, stage: Stage][] = [
  ['request_preprocess_seconds', 'Seconds from bytes to tensor.', 'preprocess'],
  ['request_predict_seconds', 'Seconds of the network.', 'inference'],
  ['request_postprocess_seconds', 'Seconds from logits to answer.', 'postprocess'],
];

function metricsOf(context: ServerContext, meter: MeterOfRequests): Metric[] {
  const all = context.registry
    .list()
    .flatMap(({ versions }) => versions)
    .map((version) => ({ version, statistics: context.statistics(version) }));
  type Account = { version: ModelVersion; statistics: VersionStatistics };
  const labelled = (value: (account: Account) => number) =>
    all.map((account) => ({ labels: labelsOf(account.version), value: value(account) }));
  const counter = (name: string, help: string, value: (account: Account) => number): Metric => ({
    name,
    help,
    type: 'counter',
    samples: labelled(value),
  });
  const gauge = (name: string, help: string, value: (account: Account) => number): Metric => ({
    name,
    help,
    type: 'gauge',
    samples: labelled(value),
  });
  const micros = (wanted: readonly Stage[]) => (account: Account) =>
    Math.round(1000 * account.statistics.time(...wanted));
  return [
    counter(
      'nv_inference_request_success',
      'Requests that were answered.',
      (each) => each.statistics.success.count,
    ),
    {
      name: 'nv_inference_request_failure',
      help: 'Requests that failed, by reason.',
      type: 'counter',
      samples: all.flatMap(({ version, statistics }) =>
        Object.entries(statistics.failures).map(([reason, value]) => ({
          labels: { ...labelsOf(version), reason },
          value,
        })),
      ),
    },
    counter(
      'nv_inference_count',
      'Rows, pictures or texts that were answered.',
      (each) => each.statistics.inferences,
    ),
    counter(
      'nv_inference_exec_count',
      'Runs for requests.',
      (each) => each.statistics.success.count,
    ),
    counter(
      'nv_inference_request_duration_us',
      'Microseconds of whole requests.',
      micros(['total']),
    ),
    counter(
      'nv_inference_queue_duration_us',
      'Microseconds of waiting.',
      micros(tritonStages.queue),
    ),
    counter(
      'nv_inference_compute_input_duration_us',
      'Microseconds from body to tensor.',
      micros(tritonStages.compute_input),
    ),
    counter(
      'nv_inference_compute_infer_duration_us',
      'Microseconds of the network.',
      micros(tritonStages.compute_infer),
    ),
    counter(
      'nv_inference_compute_output_duration_us',
      'Microseconds from outputs to body.',
      micros(tritonStages.compute_output),
    ),
    gauge(
      'nv_inference_pending_request_count',
      'Requests under way.',
      (each) => each.version.inFlight,
    ),
    ...kserve.map(
      ([name, help, stage]): Metric => ({
        name,
        help,
        type: 'histogram',
        samples: all.map(({ version, statistics }) => ({
          labels: { model_name: version.name, model_version: version.version },
          histogram: statistics.histograms[stage],
        })),
      }),
    ),
    {
      name: 'tabserve_request_stage_seconds',
      help: 'Seconds of requests that were answered, by stage.',
      type: 'histogram',
      samples: all.flatMap(({ version, statistics }) =>
        stages.map((stage) => ({
          labels: { ...labelsOf(version), stage },
          histogram: statistics.histograms[stage],
        })),
      ),
    },
    gauge('tabserve_model_ready', 'Whether the version answers at once.', ({ version }) =>
      Number(version.state === 'READY'),
    ),
    gauge(
      'tabserve_model_bytes',
      'Bytes of the files of loaded models.',
      ({ version }) => version.held,
    ),
    {
      name: 'tabserve_http_requests_total',
      help: 'Requests by method and status.',
      type: 'counter',
      samples: meter.samples,
    },
  ];
}

/** What the monitors' latest comparisons have found, over their thresholds: above 1 is drift. */
function driftOf({ registry }: ServerContext, drift: DriftWatch): Metric {
  const samples = registry.list().flatMap(({ name }) =>
    (drift.find(name)?.report?.findings ?? []).map(({ signal, measure, ratio }) => ({
      labels: { model: name, signal, measure },
      value: ratio,
    })),
  );
  const help = 'How far a signal has moved, over the threshold of its measure.';
  return { name: 'tabserve_drift_ratio', help, type: 'gauge', samples };
}

/** Requests that went to fallbacks, by what came of them. */
function fallbacksOf({ registry }: ServerContext): Metric {
  const samples = registry
    .list()
    .flatMap(({ versions }) => versions)
    .flatMap((version) =>
      Object.entries(version.fallback?.counts ?? {}).map(([outcome, value]) => ({
        labels: { ...labelsOf(version), outcome },
        value,
      })),
    );
  const help = 'Requests that the device could not answer, by what the fallback did.';
  return { name: 'tabserve_fallback_requests_total', help, type: 'counter', samples };
}

function labelsOf({ name, version }: ModelVersion): Labels {
  return { model: name, version };
}
