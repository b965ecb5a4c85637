/**
 * What the tabs that share models say to each other, and nothing else.
 *
 * All of them hear the common channel, on which nothing large passes. A tab and the holder have a
 * channel for the two of them besides: of a picture that one tab sends, the others get no copy.
 */
import type { ErrorRecord } from '../../base/errors.js';
import type { Reply } from '../../wire/protocol.js';

/** On the common channel. */
export type CommonMessage =
  /** Who holds the models? */
  | { kind: 'who'; page: string }
  /** The sender does; it has opened a channel for `page`, if one asked. */
  | { kind: 'here'; holder: string; page: string | null };

/** What can be asked of a worker in another tab. */
export type SharedCall = 'load' | 'run' | 'probe' | 'unload';

/** From a tab to the holder. */
export type ToHolder =
  | {
      kind: 'call';
      id: number;
      client: string;
      name: SharedCall;
      request: unknown;
      patience: number;
    }
  /** Drops a call. */
  | { kind: 'abort'; id: number }
  /** The client has ended: what it has loaded is no more in use. */
  | { kind: 'leave'; client: string }
  /** The worker is to be replaced, for this reason. */
  | { kind: 'replace'; reason: string }
  | { kind: 'ping' };

/** From the holder to a tab. */
export type ToPage =
  | { kind: 'reply'; id: number; reply: Reply<unknown> }
  | { kind: 'progress'; id: number; bytes: [loaded: number, total: number, cached: number] }
  /** The worker is gone, and with it all that was loaded. */
  | { kind: 'died'; error: ErrorRecord }
  | { kind: 'pong' };
