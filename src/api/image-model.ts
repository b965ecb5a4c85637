/** What all handles on models of pictures have in common. */

import { TabserveError } from '../base/errors.js';
import type { ImageSource } from '../input/image/capture.js';
import type { ModelInput } from '../input/image/manifest.js';
import type { CapturedImage } from '../input/image/types.js';
import type { Serving } from '../serving/types.js';
import { imagePage } from '../tasks/image-page.js';
import type { PackName } from '../wire/protocol.js';
import type { HandleKind } from './model-handle.js';
import { modelFacts, runtimeFacts } from './model-info.js';
import type {
  ClassifierInfo,
  ClassifyOptions,
  CreateOptions,
  ModelSource,
  PreprocessingReport,
} from './types.js';

/** As {@link ModelSource}, with a manifest of another task. */
export type ModelSourceOf<Manifest> =
  | Exclude<ModelSource, { manifest: unknown }>
  | { manifest: Manifest; files?: Readonly<Record<string, Blob>>; baseUrl?: string | URL };

/** Options of `create()` for a task that has no embedded model. */
export interface ImageModelOptions<Manifest> extends Omit<CreateOptions, 'model' | 'lang'> {
  /** See {@link ModelSource}. */
  model: ModelSourceOf<Manifest>;
}

/** What a model of pictures runs on. */
export type ImageModelInfo = ClassifierInfo;

/** Options of one request that concern the picture and the request, not the answer. */
export type ImageRequestOptions = Pick<
  ClassifyOptions,
  'crop' | 'quality' | 'priority' | 'signal' | 'timeout' | 'id'
>;

const defaultMaxPixels = 100_000_000;

/** The kind of handle for a task of pictures. */
export function imageKind(task: string, pack?: PackName): HandleKind<ImageSource, CapturedImage> {
  return {
    task: imagePage(task, pack),
    later: () => import('../input/image/seldom.js'),
    taskSettings: ({ preprocessing = 'auto', maxPixels = defaultMaxPixels }) => ({
      preprocessing,
      maxPixels,
    }),
  };
}

/**
 * The options as the handle takes them.
 *
 * @param name - The class, for the message.
 * @throws TabserveError `invalid-argument` without a model.
 */
export function withModel<Options extends { model: unknown }>(
  options: Options,
  name: string,
): Options & CreateOptions {
  if ((options as Partial<Options> | undefined)?.model !== undefined) {
    return options as Options & CreateOptions;
  }
  throw new TabserveError(
    'invalid-argument',
    `${name} needs a "model": tabserve embeds no model for this task. Pass the address of a model.json, or "hf:owner/name".`,
    { details: { option: 'model' } },
  );
}

/** What a model of pictures runs on, and why. */
export function imageModelInfo(serving: Serving): ImageModelInfo {
  const { manifest, report } = serving.loaded;
  const { width, height } = (manifest as typeof manifest & { input: ModelInput }).input;
  return {
    model: { ...modelFacts(serving), width, height },
    ...runtimeFacts(serving),
    preprocessing: report as PreprocessingReport,
  };
}

/** Whether a call is about several pictures. */
export function isList(
  images: ImageSource | readonly ImageSource[],
): images is readonly ImageSource[] {
  return Array.isArray(images);
}
