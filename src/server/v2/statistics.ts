/** The statistics extension. */
import type { ServerContext } from '../context.js';
import { ServerError } from '../http/errors.js';
import type { ModelVersion } from '../model-version.js';
import { type Duration, type Stage, tritonStages } from '../statistics.js';

/**
 * Statistics of all models, of one, or of one version.
 *
 * @throws ServerError 400 for what there is not, as Triton has it.
 */
export function statisticsOf(
  context: ServerContext,
  { model, version }: Readonly<Record<string, string>>,
): object {
  const versions = context.registry
    .list()
    .filter(({ name }) => model === undefined || name === model)
    .flatMap((each) => each.versions)
    .filter((each) => version === undefined || each.version === version);
  if (model !== undefined && versions.length === 0) {
    const which = version === undefined ? '' : ` version ${version.slice(0, 100)}`;
    throw new ServerError(400, `requested model '${model.slice(0, 200)}'${which} is not available`);
  }
  return { model_stats: versions.map((each) => statisticsOfVersion(context, each)) };
}

function statisticsOfVersion(context: ServerContext, version: ModelVersion): object {
  const statistics = context.statistics(version);
  const { success, fail, inferences, lastInference, batches } = statistics;
  const durations = (stages: readonly Stage[]) =>
    inNanoseconds({ count: success.count, time: statistics.time(...stages) });
  return {
    name: version.name,
    version: version.version,
    last_inference: lastInference,
    inference_count: inferences,
    execution_count: success.count,
    inference_stats: {
      success: inNanoseconds(success),
      fail: inNanoseconds(fail),
      queue: durations(tritonStages.queue),
      compute_input: durations(tritonStages.compute_input),
      compute_infer: durations(tritonStages.compute_infer),
      compute_output: durations(tritonStages.compute_output),
      cache_hit: { count: 0, ns: 0 },
      cache_miss: { count: 0, ns: 0 },
    },
    response_stats: {},
    batch_stats: [...batches].map(([batch_size, { count, timings }]) => {
      const of = (stages: readonly Stage[]) =>
        inNanoseconds({ count, time: stages.reduce((sum, stage) => sum + timings[stage], 0) });
      return {
        batch_size,
        compute_input: of(tritonStages.compute_input),
        compute_infer: of(tritonStages.compute_infer),
        compute_output: of(tritonStages.compute_output),
      };
    }),
    memory_usage: version.held > 0 ? [{ type: 'CPU', id: 0, byte_size: version.held }] : [],
  };
}

function inNanoseconds({ count, time }: Duration): { count: number; ns: number } {
  return { count, ns: Math.round(time * 1e6) };
}
