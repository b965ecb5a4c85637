/** What those who ask, a service worker or another frame, and the page that holds the models say to each other. */

/** To every page: does it serve models? A port comes with it, the line on which all else is said. */
export interface WhoMessage {
  tabserve: 'who';
}

/** A request, as it crosses. */
export interface PassedRequest {
  method: string;
  url: string;
  headers: readonly (readonly [string, string])[];
  /** `null` for none. */
  body: Uint8Array<ArrayBuffer> | null;
}

/** To the page, on a line. Requests of one line are told apart by their numbers. */
export type LineMessage =
  | { kind: 'request'; id: number; request: PassedRequest }
  | { kind: 'abort'; id: number };

/** From the page, on a line. */
export type PageMessage =
  /** It serves models. */
  | { kind: 'holder' }
  /** It does so no more; requests under way are still answered. */
  | { kind: 'gone' }
  /** The request has arrived. */
  | { kind: 'taken'; id: number }
  | {
      kind: 'response';
      id: number;
      status: number;
      headers: readonly (readonly [string, string])[];
      body: ArrayBuffer;
    };

/** Whether a message asks for a page that serves models. */
export function isWho(data: unknown): data is WhoMessage {
  return typeof data === 'object' && data !== null && 'tabserve' in data && data.tabserve === 'who';
}
