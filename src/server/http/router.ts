/** Which handler a request is for. */
import { ServerError } from './errors.js';

/** What a handler is given. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** The parts of the path that the route names, decoded. */
  readonly path: Readonly<Record<string, string>>;
}

/** Answers a request. */
export type Handler = (call: Call) => Promise<Response> | Response;

/** How a protocol writes its errors. */
export type ErrorWriter = (error: ServerError) => Response;

/** A method and path that are answered. Parts of the path in braces match any one part. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly handler: Handler;
  readonly writeError: ErrorWriter;
}

interface Compiled extends Route {
  readonly parts: readonly string[];
}

/** Longest path that is looked at. */
const maxPath = 2048;

/** Finds routes by method and path. */
export class Router {
  /** By the number of parts of their paths. */
  readonly #routes = new Map<number, Compiled[]>();

  constructor(routes: readonly Route[]) {
    const compiled = routes
      .map((route) => ({ ...route, parts: route.path.split('/').slice(1) }))
      // A name that is written out goes before one that may be any.
      .sort((a, b) => named(a) - named(b));
    for (const route of compiled) {
      const { length } = route.parts;
      this.#routes.set(length, [...(this.#routes.get(length) ?? []), route]);
    }
  }

  /**
   * The route of a request, with the named parts of its path.
   *
   * @param path - Encoded, as in a URL, without the base.
   * @returns `null` for a path that nothing answers.
   * @throws ServerError 404 for a path that is no text; 405 where only other methods are answered.
   */
  find(method: string, path: string): { route: Route; path: Record<string, string> } | null {
    if (path.length > maxPath)
      throw new ServerError(404, `Not Found: the path has more than ${maxPath} characters`);
    const parts = path.split('/').slice(1).map(decoded);
    const fitting = (this.#routes.get(parts.length) ?? []).filter((each) => fits(each, parts));
    if (fitting.length === 0) return null;
    const route = fitting.find((each) => each.method === method);
    if (!route) {
      const allowed = [...new Set(fitting.map((each) => each.method))].join(', ');
      throw new ServerError(
        405,
        `Method Not Allowed: ${method.slice(0, 40)}; this path takes ${allowed}`,
        {
          headers: { Allow: allowed },
        },
      );
    }
    const names = route.parts.flatMap((part, index): [string, string][] =>
      part.startsWith('{') ? [[part.slice(1, -1), parts[index] as string]] : [],
    );
    return { route, path: Object.fromEntries(names) };
  }
}

/** How many parts of the path may be anything. */
function named({ parts }: Compiled): number {
  return parts.filter((part) => part.startsWith('{')).length;
}

function fits(route: Compiled, parts: readonly string[]): boolean {
  return route.parts.every((part, index) =>
    part.startsWith('{') ? parts[index] !== '' : part === parts[index],
  );
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new ServerError(404, 'Not Found: the path is no UTF-8', { cause });
  }
}
