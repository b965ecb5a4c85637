/** What every class says of the model that it serves. */
import type { Serving } from '../serving/types.js';

/** The facts of any model. */
export function modelFacts({ loaded }: Serving) {
  const { manifest, labels, language, file, bytes, from } = loaded;
  const { name, version, title = name, license = null, translations = {} } = manifest;
  const languages = [manifest.language ?? 'en', ...Object.keys(translations)];
  return { name, version, title, license, labels, language, languages, file, bytes, from };
}

/** What a model runs on, and why. */
export function runtimeFacts({ loaded, plan, loadTime, verified, fallbacks }: Serving) {
  const { dtype, computeDtype, adapter, timings } = loaded;
  return {
    device: plan.device,
    dtype,
    computeDtype,
    threads: plan.threads,
    reason: plan.reason,
    fallbacks,
    engine: plan.flavour,
    adapter,
    verified,
    load: { ...timings, total: loadTime },
  };
}
