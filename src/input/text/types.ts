/** The vocabulary of texts as inputs. */

/** A text on its way to the worker. */
export interface CapturedText {
  text: string;
  /** A second text, to be judged together with the first; `null` for none. */
  pair: string | null;
}

/** The inputs of a network that takes tokens, each `[1, tokens]` of int64 or int32, by name. */
export interface TextInput {
  /** The tokens' numbers. */
  ids: string;
  /** Tells tokens (1) from what short texts are filled up with (0). @default none */
  attentionMask?: string | undefined;
  /** Tells the tokens of a second text (1) from those of the first (0). @default none */
  typeIds?: string | undefined;
  /** The tokens' places, from 0. @default none */
  positionIds?: string | undefined;
}

/**
 * How a text becomes tokens. The tokenizer itself is in the manifest's `assets`: `tokenizer.json`, and
 * `tokenizer_config.json` where there is one, as Hugging Face repositories have them.
 */
export interface TextPreprocess {
  /** Most tokens, special ones included: what follows is left out. 1 to 100,000. */
  maxTokens: number;
  /** Stands before every text, as some embedders want it: `query: `. @default nothing */
  prefix?: string | undefined;
  /** Whether texts are written in lower case first, whatever the tokenizer does. @default false */
  lowercase?: boolean | undefined;
}

/** What became of one text on its way to the network. */
export interface TextReport {
  /** Tokens that the network was given, special ones included. */
  tokens: number;
  /** Whether the text went on after that. */
  isTruncated: boolean;
}

/** Which tokens a text became. */
export interface TextOrigin {
  /** As the vocabulary has them, special ones included. */
  tokens: string[];
  /** Per token, whether it is none of the text, but one that stands around it. */
  specials: boolean[];
  /** The place of the first of them in the network's input, which may be filled up on the left. */
  first: number;
  /** Whether the network takes one number of tokens only. */
  isFixed: boolean;
  /** What short texts are filled up with. */
  padId: number;
}
