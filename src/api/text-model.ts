/** What all handles on models of texts have in common. */
import type { CapturedText, TextReport } from '../input/text/types.js';
import type { Serving } from '../serving/types.js';
import { textTask } from '../tasks/late-page.js';
import type { TextSource } from '../tasks/text-page.js';
import type { TextManifest } from '../tasks/text-task.js';
import type { ModelSourceOf } from './image-model.js';
import type { HandleKind, ModelHandleEventMap } from './model-handle.js';
import { modelFacts, runtimeFacts } from './model-info.js';
import type { ClassifierInfo, ClassifyOptions, CreateOptions, RequestReport } from './types.js';

/** Options of `create()` for a model of texts. */
export interface TextModelOptions<Manifest>
  extends Omit<CreateOptions, 'model' | 'preprocessing' | 'maxPixels' | 'lang'> {
  /** See {@link ModelSource}. tabserve has no model of texts of its own. */
  model: ModelSourceOf<Manifest>;
}

/** What a model of texts runs on. */
export interface TextModelInfo extends Omit<ClassifierInfo, 'model' | 'preprocessing'> {
  model: Omit<ClassifierInfo['model'], 'width' | 'height'> & {
    /** Most tokens of a text, special ones included: what follows is left out. */
    maxTokens: number;
  };
}

/** The `detail` of the `request` event: one finished request. */
export interface TextRequestReport extends Omit<RequestReport, 'preprocessing'> {
  /** What became of the text on its way to the network. */
  preprocessing: TextReport;
}

/** The events of a handle on a model of texts. */
export interface TextModelEventMap extends Omit<ModelHandleEventMap, 'request'> {
  /** A request was answered; `detail` says what it cost, and how much of the text was read. */
  request: CustomEvent<TextRequestReport>;
}

/** Options of one request that do not concern the answer. */
export type TextRequestOptions = Pick<ClassifyOptions, 'priority' | 'signal' | 'timeout' | 'id'>;

/** The kind of handle for a task of texts. */
export function textKind(task: string): HandleKind<TextSource, CapturedText> {
  return { task: textTask(task), taskSettings: () => ({}) };
}

/** What a model of texts runs on, and why. */
export function textModelInfo(serving: Serving): TextModelInfo {
  const { preprocess } = serving.loaded.manifest as TextManifest;
  return {
    model: { ...modelFacts(serving), maxTokens: preprocess.maxTokens },
    ...runtimeFacts(serving),
  };
}

/** Whether a call is about several texts. */
export function isTextList(
  texts: TextSource | readonly TextSource[],
): texts is readonly TextSource[] {
  return Array.isArray(texts);
}
