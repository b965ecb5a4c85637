/** Examples with their labels, and the way back. Knows neither pictures nor workers. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';

/** An example of a data set. */
export interface Example {
  /** Names it within its trainer. */
  readonly id: number;
  readonly label: string;
  /** The file's name or path; empty where it had none. */
  readonly name: string;
  /** The file that it came from, where it came from one. It takes no memory before it is read. */
  readonly image: Blob | null;
}

/** A class of a data set. */
export interface LabelCount {
  label: string;
  examples: number;
}

/** Changes that can be taken back. */
const mostUndone = 50;

/** A label's most characters. */
const mostCharacters = 200;

/** Examples in the order in which they came. */
export class Dataset {
  /** What was before, the latest last. */
  readonly #before: (readonly Example[])[] = [];
  #now: readonly Example[] = [];
  #nextId = 1;
  /** Is told examples that are gone for good. */
  readonly #onGone: (ids: readonly number[]) => void;

  constructor(onGone: (ids: readonly number[]) => void = () => undefined) {
    this.#onGone = onGone;
  }

  get examples(): readonly Example[] {
    return this.#now;
  }

  /** The classes, in the order in which they first came. */
  get labels(): LabelCount[] {
    const counts = new Map<string, number>();
    for (const { label } of this.#now) counts.set(label, (counts.get(label) ?? 0) + 1);
    return [...counts].map(([label, examples]) => ({ label, examples }));
  }

  /** How many changes can be taken back. */
  get undoable(): number {
    return this.#before.length;
  }

  /** Numbers for new examples. */
  reserve(count: number): number[] {
    const first = this.#nextId;
    this.#nextId += count;
    return Array.from({ length: count }, (_, at) => first + at);
  }

  /** Adds examples, as one change; none is no change. */
  add(examples: readonly Example[]): void {
    if (examples.length > 0) this.#change([...this.#now, ...examples]);
  }

  /** Takes examples out, as one change. @returns How many there were. */
  remove(ids: Iterable<number>): number {
    const out = new Set(ids);
    const left = this.#now.filter(({ id }) => !out.has(id));
    const removed = this.#now.length - left.length;
    if (removed > 0) this.#change(left);
    return removed;
  }

  /**
   * Gives a class another label. One that is there already takes its examples in.
   *
   * @throws TabserveError `invalid-argument` where there is no such class, or for what is no label.
   */
  rename(from: string, to: string): void {
    const label = checkLabel(to);
    if (!this.#now.some((each) => each.label === from)) {
      throw new TabserveError('invalid-argument', `There is no class ${shown(from)}.`, {
        details: { label: from },
      });
    }
    if (label === from) return;
    this.#change(this.#now.map((each) => (each.label === from ? { ...each, label } : each)));
  }

  /** Takes the last change back. @returns Whether there was one. */
  undo(): boolean {
    const before = this.#before.pop();
    if (!before) return false;
    this.#forget(this.#now, before);
    this.#now = before;
    return true;
  }

  /** Begins with these examples, and nothing to take back. */
  restore(examples: readonly Example[]): void {
    this.#before.length = 0;
    this.#now = examples;
    this.#nextId = examples.reduce((most, { id }) => Math.max(most, id), 0) + 1;
  }

  #change(next: readonly Example[]): void {
    this.#before.push(this.#now);
    this.#now = next;
    if (this.#before.length <= mostUndone) return;
    const oldest = this.#before.shift() ?? [];
    this.#forget(oldest, this.#before[0] ?? next);
  }

  #forget(from: readonly Example[], kept: readonly Example[]): void {
    const left = new Set(kept.map(({ id }) => id));
    const gone = from.map(({ id }) => id).filter((id) => !left.has(id));
    if (gone.length > 0) this.#onGone(gone);
  }
}

/**
 * A label, without white space around it. Whatever it looks like, it stays text: nothing here takes it
 * for markup.
 *
 * @throws TabserveError `invalid-argument` for none, for more than 200 characters, and for line breaks and
 *   other control characters, which files of labels could not hold.
 */
export function checkLabel(label: unknown): string {
  const text = typeof label === 'string' ? label.trim().normalize('NFC') : '';
  const isLabel =
    text !== '' && text.length <= mostCharacters && !/\p{Cc}|\p{Zl}|\p{Zp}/u.test(text);
  if (isLabel) return text;
  throw new TabserveError(
    'invalid-argument',
    `A label is a text of 1 to ${mostCharacters} characters on one line, not ${shown(label, 100)}.`,
    { details: { option: 'label' } },
  );
}
