/** What sharing takes from the platform; tests hand over another. */

/** What is used of a `BroadcastChannel`. */
export type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage' | 'close'>;

/** The platform, as far as tabs need it to share a worker. */
export interface TabsPlatform {
  /** Names this page; no other has the same. */
  readonly page: string;
  readonly locks: Pick<LockManager, 'request'>;
  openChannel(name: string): Channel;
  /** Milliseconds since some moment. */
  now(): number;
  /** @returns Cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
  /** A number for a request to this page's workers. */
  newRequestId(): number;
  /** Marks what is handed over with a message to this page's worker. */
  transfer<Message extends object>(message: Message, movable: Transferable[]): Message;
}

/** Milliseconds between two looks at who holds the models, and whether he lives. */
export const lookInterval = 250;
