/** The translator: other descriptions of models into tabserve's own. Loaded on demand. */
import { TabserveError } from '../base/errors.js';
import { bareModel, completeBare } from './bare.js';
import { embeddedManifests, publicManifests } from './catalog.js';
import { withGraphNames } from './complete.js';
import { resolveHubFolder, resolveHubRepository } from './hub.js';
import type { ModelManifest } from './manifest.js';
import type { CompleteRequest, TranslateRequest, Translation } from './translation.js';

/**
 * Describes a model that has no `model.json`.
 *
 * @throws TabserveError `model-not-found`, `manifest-invalid`, `network`.
 */
export async function translate(request: TranslateRequest): Promise<Translation> {
  // The worker stops waiting when the load is aborted; these files are small.
  const { signal } = new AbortController();
  switch (request.kind) {
    case 'name':
      return publicModel(request.name);
    case 'hub':
      return resolveHubRepository(request.name, { ...request, signal });
    case 'folder':
      return resolveHubFolder(request.url, { ...request, signal });
    case 'files':
      return resolveHubFolder(request.files, { signal });
    case 'bare':
      return bareModel(request.where);
  }
}

/** Fills in what a translation left to the graph. Errors as `withGraphNames`, `completeBare`. */
export function complete(request: CompleteRequest): ModelManifest {
  const { manifest, open, inputs, outputs, where } = request;
  const fill = open === 'names' ? withGraphNames : completeBare;
  // Translations are of classifiers of pictures.
  return fill(manifest as ModelManifest, inputs, outputs, where);
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
  const names = [...embeddedManifests(), ...publicManifests()].map((model) => `"${model.name}"`);
  throw new TabserveError(
    'model-not-found',
    `There is no model "${name}" in the catalogue. It has ${names.join(', ')}; any other model is named by the URL of its model.json.`,
    { details: { model: name } },
  );
}
