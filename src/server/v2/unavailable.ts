/** What Triton's clients may ask for and a page cannot have: shared memory, traces, logs. */
import { json } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Handler, Route } from '../http/router.js';

/** Routes that say what there is, which is nothing, and refuse to change it. */
export function unavailableRoutes(
  on: (method: string, path: string, handler: Handler) => Route,
): Route[] {
  const refuse =
    (what: string): Handler =>
    () => {
      throw new ServerError(400, `${what} is not possible: the server is a page.`);
    };
  const memory = ['system', 'cuda'].flatMap((kind) => {
    const base = `/v2/${kind}sharedmemory`;
    return [
      on('GET', `${base}/status`, () => json([])),
      on('GET', `${base}/region/{region}/status`, ({ path }) => {
        throw new ServerError(
          404,
          `Unable to find ${kind} shared memory region: '${path.region?.slice(0, 100)}'`,
        );
      }),
      on('POST', `${base}/region/{region}/register`, refuse(`Sharing ${kind} memory`)),
      // There are none, so that none is left.
      on('POST', `${base}/region/{region}/unregister`, () => json({})),
      on('POST', `${base}/unregister`, () => json({})),
    ];
  });
  const trace = ['/v2/trace/setting', '/v2/models/{model}/trace/setting'].flatMap((path) => [
    on('GET', path, () => json({ trace_level: ['OFF'] })),
    on('POST', path, refuse('Tracing to a file')),
  ]);
  return [
    ...memory,
    ...trace,
    on('GET', '/v2/logging', () =>
      json({ log_info: false, log_warning: false, log_error: false, log_verbose_level: 0 }),
    ),
    on('POST', '/v2/logging', refuse('Logging to a file')),
  ];
}
