/** What tasks of pictures have in common: all but what they make of the outputs. */

import type { Feeds } from '../base/gpu-tensor.js';
import { type Check, object } from '../base/shape.js';
import type { Tensors } from '../base/tensor.js';
import {
  type ImageRequest,
  type ImageSettings,
  imageCheck,
  imageRequestChecks,
  imageSettingsCheck,
} from '../input/image/checks.js';
import type { GeometryPlan } from '../input/image/geometry.js';
import { type ImageOrigin, inputToPicture } from '../input/image/inverse.js';
import type { ImageInput, ImageManifest } from '../input/image/prepare.js';
import type { CapturedImage } from '../input/image/types.js';
import type { CoreManifest } from '../model/manifest-core.js';
import type { OpenedTask, TaskModel, WorkerTask } from '../runtime/task.js';
import { imageFeed } from './image-feed.js';

/** A task of pictures, but for the pictures. */
export interface ImageHead<Manifest, Options, Answer>
  extends Pick<WorkerTask<CoreManifest, CapturedImage, Options, Answer>, 'name' | 'transfer'>,
    Pick<WorkerTask<Manifest & CoreManifest>, 'adopt'> {
  /** What the task's own options look like in a message. */
  readonly options: Readonly<Record<Exclude<keyof Options, keyof ImageRequest>, Check>>;
  /**
   * @throws TabserveError `model-invalid` where the graph does not fit the manifest.
   */
  open(model: TaskModel<Manifest & CoreManifest>): OpenedHead<Options, Answer>;
}

/** A head with one model. */
export interface OpenedHead<Options, Answer>
  extends Pick<OpenedTask<CapturedImage, Options, Answer>, 'outputs' | 'selfTest' | 'close'> {
  /**
   * @param outputs - Those that `outputs` names.
   * @param geometry - Says where in the network's input which part of the picture is.
   */
  interpret(
    outputs: Tensors,
    options: Options,
    geometry: () => GeometryPlan,
  ): Answer | Promise<Answer>;
}

/** @param images - What this worker does with pictures. */
export function imageTask<
  Manifest extends CoreManifest & ImageManifest,
  Options extends ImageRequest,
  Answer,
>(
  images: ImageInput,
  head: ImageHead<Manifest, Options, Answer>,
): WorkerTask<Manifest, CapturedImage, Options, Answer, ImageSettings> {
  return {
    name: head.name,
    checks: {
      payload: imageCheck,
      options: object({ ...imageRequestChecks, ...head.options }),
      settings: imageSettingsCheck,
    },
    ...(head.transfer && { transfer: head.transfer }),
    ...(head.adopt && { adopt: head.adopt }),
    discard: images.release,
    begin: images.begin,
    open(model, settings, services) {
      const { inputs, manifest, where } = model;
      const { feeds, first, batch } = imageFeed(
        inputs,
        manifest.input,
        manifest.constants ?? {},
        where,
      );
      const { interpret, close, ...rest } = head.open(model);
      // The GPU writes one picture.
      const { gpu } = services;
      const preparer = images.open(manifest, settings, {
        ...services,
        gpu: batch > 1 ? null : gpu,
      });
      return {
        ...rest,
        get report() {
          return preparer.report;
        },
        sample: () => feeds(preparer.sample(), () => manifest.input),
        async prepare(image, options, context) {
          const prepared = await preparer.prepare(image, options, context);
          const area = () => prepared.geometry().output;
          return {
            get report() {
              return prepared.report;
            },
            feeds: async (): Promise<Feeds> => feeds(await prepared.feed(), area),
            async amend() {
              const instead = await prepared.amend?.();
              return instead && feeds(instead, area);
            },
            took: (milliseconds) => prepared.took?.(milliseconds),
            interpret: (outputs) => interpret(first(outputs), options, prepared.geometry),
            origin() {
              const plan = prepared.geometry();
              const { region } = plan;
              return { region, ...inputToPicture(plan, manifest.preprocess) } satisfies ImageOrigin;
            },
            close: () => prepared.close?.(),
          };
        },
        close() {
          preparer.close?.();
          close?.();
        },
      };
    },
  };
}
