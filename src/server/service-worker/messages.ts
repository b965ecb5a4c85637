/** What a service worker and the page that holds the models say to each other. */

/** To every page: does it serve models? The answer comes through the port that is with it. */
export interface WhoMessage {
  tabserve: 'who';
}

/** To the page that does: a request, with a port for what follows. */
export interface RequestMessage {
  tabserve: 'request';
  method: string;
  url: string;
  headers: readonly (readonly [string, string])[];
  /** `null` for none. */
  body: Blob | null;
}

/** From the page, through the port. */
export type PageMessage =
  | { kind: 'holder' }
  /** The request has arrived. */
  | { kind: 'taken' }
  | {
      kind: 'response';
      status: number;
      headers: readonly (readonly [string, string])[];
      body: ArrayBuffer;
    };

/** From the service worker, through the port. */
export interface WorkerMessage {
  kind: 'abort';
}

/** Whether a message is for a page that serves models. */
export function isForHolder(data: unknown): data is WhoMessage | RequestMessage {
  return (
    typeof data === 'object' &&
    data !== null &&
    'tabserve' in data &&
    (data.tabserve === 'who' || data.tabserve === 'request')
  );
}
