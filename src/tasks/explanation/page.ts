/** Why does the model answer so? The page's half. */
import type { PageTask } from '../task.js';
import type { ExplanationPayload } from './types.js';

/** What is asked about: a source of the model's own task, what became of it, or the graph. */
export type ExplanationSource =
  | { kind: 'begin'; source: unknown }
  | Exclude<ExplanationPayload, { kind: 'begin' }>;

/** Sources as the model's own task captures them. */
export function explanationPage(
  own: PageTask<unknown, unknown>,
): PageTask<ExplanationSource, ExplanationPayload> {
  return {
    name: 'explanation',
    pack: 'explain',
    isLasting: (asked) => asked.kind !== 'begin' || own.isLasting(asked.source),
    async capture(asked, signal) {
      if (asked.kind !== 'begin') return asked;
      return { kind: 'begin', payload: await own.capture(asked.source, signal) };
    },
    expectedBytes: (asked) =>
      asked.kind === 'begin' ? (own.expectedBytes?.(asked.source) ?? 0) : 0,
    // What was begun is sent again with every part, and so is copied.
    transfer: (sent) => (sent.kind === 'begin' ? own.transfer(sent.payload) : []),
    bytes: (sent) => (sent.kind === 'begin' ? own.bytes(sent.payload) : 0),
    async copy(sent) {
      if (sent.kind !== 'begin') return sent;
      const payload = await own.copy(sent.payload);
      return payload === null ? null : { kind: 'begin', payload };
    },
    close: (sent) => {
      if (sent.kind === 'begin') own.close(sent.payload);
    },
  };
}
