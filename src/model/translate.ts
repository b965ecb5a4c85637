/** The translator: other descriptions of models into tabserve's own. Loaded on demand. */
import { TabserveError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { bareModel, completeBare } from './bare.js';
import { embeddedManifests, publicManifests } from './catalog.js';
import { resolveHubFolder, resolveHubRepository } from './hub.js';
import type { ModelManifest } from './manifest.js';
import { withGraphNames } from './names.js';
import { type OnnxModel, readOnnx } from './onnx/graph.js';
import type {
  CompleteRequest,
  Completion,
  HubTask,
  TranslateRequest,
  Translation,
} from './translation.js';

export { explainEngineError } from './engine-errors.js';

/**
 * Describes a model that has no `model.json`.
 *
 * @param tasks - What models may be for, besides the classification of pictures.
 * @throws TabserveError `model-not-found`, `manifest-invalid`, `network`.
 */
export async function translate(
  request: TranslateRequest,
  tasks: readonly HubTask[],
): Promise<Translation> {
  // The worker stops waiting when the load is aborted; these files are small.
  const { signal } = new AbortController();
  switch (request.kind) {
    case 'name':
      return publicModel(request.name);
    case 'hub':
      return resolveHubRepository(request.name, { ...request, signal, tasks });
    case 'folder':
      return resolveHubFolder(request.url, { ...request, signal, tasks });
    case 'files':
      return resolveHubFolder(request.files, { signal, tasks, processor: request.processor });
    case 'bare':
      return bare(request, tasks);
  }
}

/** Fills in what a translation left to the graph. Errors as `withGraphNames`, `completeBare`. */
export function complete(request: CompleteRequest, tasks: readonly HubTask[]): Completion {
  const graph = request.graph && readable(request.graph);
  const task = tasks.find(({ name }) => name === request.manifest.task);
  if (task) {
    const assumed: string[] = [];
    const manifest = task.complete(request, graph, assumed);
    const reason = `${request.where} does not say everything. Assumed: ${assumed.join('; ')}. If the answers are wrong, write a model.json that says these things.`;
    const fallbacks = assumed.length > 0 ? [{ from: 'manifest', to: 'assumption', reason }] : [];
    return { manifest, fallbacks, found: [], assumed };
  }
  const fill = request.open === 'names' ? withGraphNames : completeBare;
  // All other translations are of classifiers of pictures.
  const manifest = request.manifest as ModelManifest;
  return fill({ ...request, manifest }, graph);
}

function bare(
  { where, task, labels }: TranslateRequest & { kind: 'bare' },
  tasks: readonly HubTask[],
): Translation {
  const picture = bareModel(where, labels);
  const wanted = tasks.find(({ name }) => name === task);
  if (!wanted?.bare) return picture;
  const { name, version, files } = picture.manifest;
  const given = labels === undefined ? {} : { labels: { url: labels } };
  return { ...picture, manifest: wanted.bare({ name, version, files, ...given }) };
}

/** The graph, if it can be read: the engine reads some that this cannot. */
function readable(graph: Uint8Array): OnnxModel | null {
  try {
    return readOnnx(graph);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function publicModel(name: string): Translation {
  const manifest = publicManifests().find((model) => model.name === name);
  if (manifest) {
    return {
      manifest,
      // The zoo's exporters gave their tensors many names; the graph knows them.
      open: 'names',
      baseUrl: null,
      otherOrigin: true,
      keep: false,
      fallbacks: [],
    };
  }
  const names = [...embeddedManifests(), ...publicManifests()].map((model) => model.name);
  const near = nearest(name, names);
  const hint = /^[\w.-]+\/[\w.-]+$/.test(name)
    ? ` For this repository of the Hugging Face hub, write "hf:${name}".`
    : near === undefined
      ? ''
      : ` Did you mean "${near}"?`;
  throw new TabserveError(
    'model-not-found',
    `There is no model "${name}" in the catalogue.${hint} It has ${names.map((each) => `"${each}"`).join(', ')}; for any other model, pass the URL of its model.json.`,
    { details: { model: name } },
  );
}
