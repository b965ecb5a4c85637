/** What both halves of the task say to each other, and the model's author to both. */
import type { TableColumn, TableInput } from '../../input/table/types.js';
import type { CoreManifest } from '../../model/manifest-core.js';
import type { Classification, ScoresOutput } from '../scores.js';

/** What the network answers. */
export type TabularOutput =
  /** A value, or several, for each row. */
  | { kind: 'value'; name: string }
  /** A class for each row. */
  | {
      kind: 'class';
      /** The output with the label, of text or whole numbers. @default the label of the best score */
      label?: string | undefined;
      /** The output with the scores, `[rows, classes]`; or one output for each class. @default none */
      scores?: string | string[] | undefined;
      /** What makes scores of it. @default 'none' */
      activation?: ScoresOutput['activation'] | undefined;
    };

/** The contents of `model.json` for a model of tables. */
export interface TabularManifest extends CoreManifest {
  task: 'tabular';
  /** One per class, in the order of the scores; none for values. */
  labels?: string[] | { url: string };
  /** In the order in which the network takes them. */
  columns: TableColumn[];
  input: TableInput;
  output: TabularOutput;
}

/** The options of one request, complete. */
export interface TabularOptions {
  /** At most so many scores for each row. */
  topK: number;
}

/** What a model says of a row. */
export type Prediction =
  | {
      /** The first of `values`. */
      value: number;
      /** One for each number that the model predicts. */
      values: number[];
    }
  | {
      /** The class. */
      label: string;
      /** Its score; `null` where the model gives none. */
      score: number | null;
      /** The best classes, by score. */
      scores: Classification[];
    };

/** What a model takes, known before any request. */
export interface TabularReport {
  columns: readonly TableColumn[];
}
