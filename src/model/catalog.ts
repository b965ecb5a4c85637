/** Models that are known by name: their manifests, and where the files of the public ones are. */
import catalog from '../../models/catalog.json';
import { embeddedModels } from './embedded.js';
import { type ModelManifest, parseManifest } from './manifest.js';

/** Manifests of the models that come with tabserve. */
export function embeddedManifests(): ModelManifest[] {
  return Object.entries(embeddedModels).map(([name, { manifest }]) =>
    parseManifest(manifest, `the embedded model "${name}"`),
  );
}

/** Manifests of well-known public classifiers, with absolute addresses. */
export function publicManifests(): ModelManifest[] {
  const models: readonly { name: string }[] = catalog.public;
  return models.map((model) => parseManifest(model, `the catalogue's model "${model.name}"`));
}
