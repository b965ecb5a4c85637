/** From what a caller names to a manifest, labels and files that can be read. */
import { TabserveError } from '../errors.js';
import type { ModelRequest } from '../runtime/protocol.js';
import { downloadJson, downloadText } from './download.js';
import { embeddedModels } from './embedded.js';
import { parseLabels } from './labels.js';
import { type ModelFile, type ModelManifest, parseManifest } from './manifest.js';

/** A model whose manifest has been read, and whose files can be. */
export interface ResolvedModel {
  manifest: ModelManifest;
  labels: readonly string[];
  /** Where a file's bytes are: an absolute URL, or the user's own file. */
  locate(file: ModelFile): string | Blob;
}

/**
 * Reads the manifest and the labels of a model.
 *
 * @throws TabserveError `model-not-found`, `manifest-invalid`, `network`, `integrity`.
 */
export async function resolveModel(
  request: ModelRequest,
  signal: AbortSignal,
): Promise<ResolvedModel> {
  switch (request.kind) {
    case 'embedded':
      return resolveEmbedded(request.name, request.fileUrls);
    case 'manifest-url': {
      const manifest = parseManifest(await downloadJson(request.url, signal), request.url);
      return withLabels(manifest, (url) => new URL(url, request.url).href, signal);
    }
    case 'manifest': {
      const where = `the manifest of "${request.manifest.name}"`;
      const manifest = parseManifest(request.manifest, where);
      return withLabels(manifest, locator(request.files, request.baseUrl, where), signal);
    }
    case 'files': {
      const json = request.files.find((file) => file.name.endsWith('.json'));
      if (!json) {
        throw new TabserveError(
          'model-not-found',
          `There is no model.json among the files (${request.files.map((file) => file.name).join(', ')}). Give the manifest together with the .onnx file.`,
        );
      }
      const manifest = parseManifest(await downloadJson(json, signal), json.name);
      const files = Object.fromEntries(request.files.map((file) => [file.name, file]));
      return withLabels(manifest, locator(files, null, json.name), signal);
    }
  }
}

function resolveEmbedded(name: string, fileUrls: Readonly<Record<string, string>>): ResolvedModel {
  const entry = embeddedModels[name];
  if (!entry) throw new TabserveError('internal', `"${name}" is not embedded in this worker.`);
  const where = `the embedded model "${name}"`;
  const locate = locator(fileUrls, null, where);
  return {
    manifest: parseManifest(entry.manifest, where),
    labels: parseLabels(entry.labels),
    locate: (file) => locate(file.url),
  };
}

type Locate = (url: string) => string | Blob;

/** Looks a manifest's file up among given ones by its name, else relative to a base address. */
function locator(
  files: Readonly<Record<string, string | Blob>>,
  baseUrl: string | null,
  where: string,
): Locate {
  return (url) => {
    const found = Object.hasOwn(files, url) ? files[url] : undefined;
    if (found !== undefined) return found;
    if (baseUrl !== null && URL.canParse(url, baseUrl)) return new URL(url, baseUrl).href;
    if (URL.canParse(url)) return url;
    throw new TabserveError(
      'model-not-found',
      `${where} names the file "${url}", which is not among those given (${Object.keys(files).join(', ') || 'none'}).`,
      { details: { manifest: where, file: url } },
    );
  };
}

async function withLabels(
  manifest: ModelManifest,
  locate: Locate,
  signal: AbortSignal,
): Promise<ResolvedModel> {
  const labels = Array.isArray(manifest.labels)
    ? manifest.labels
    : parseLabels(await downloadText(locate(manifest.labels.url), signal));
  return { manifest, labels, locate: (file) => locate(file.url) };
}
