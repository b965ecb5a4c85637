/** Real servers of the protocol, as processes that can be killed, behind a proxy of the page's origin. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';

/** Milliseconds that a server may take to start, on a machine that has much to do. */
const startPatience = 120_000;

/** A server in a process of its own. */
export class Remote {
  readonly name: string;
  readonly port: number;
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(name: string, port: number, command: readonly string[]) {
    this.name = name;
    this.port = port;
    this.#command = command;
  }

  /** @param command - What starts it, for a port. */
  static async on(name: string, command: (port: number) => readonly string[]): Promise<Remote> {
    const port = await freePort();
    return new Remote(name, port, command(port));
  }

  /** Starts it, and waits until it is ready. */
  async start(): Promise<void> {
    const [program = '', ...argv] = this.#command;
    // A group of its own, so that what it starts ends with it.
    this.#process = spawn(program, argv, { stdio: 'ignore', detached: true, cwd: tmpdir() });
    const ends = Date.now() + startPatience;
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`${this.name} has ended by itself.`);
      const url = `http://127.0.0.1:${this.port}/v2/health/ready`;
      if ((await fetch(url).catch(() => undefined))?.ok) return;
      if (Date.now() > ends) throw new Error(`${this.name} is not ready.`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  /** Passes a request on, as a proxy does that knows the protocol's header. */
  pass(path: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const kept = ['content-type', 'content-encoding', 'inference-header-content-length'];
    const of = (headers: IncomingMessage['headers']) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name)));
    const asked = request(
      { port: this.port, host: '127.0.0.1', path, method: 'POST', headers: of(incoming.headers) },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, of(answer.headers));
        answer.pipe(outgoing);
      },
    );
    asked.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end();
    });
    incoming.pipe(asked);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
