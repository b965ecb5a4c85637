/** The engine's binary as the build puts it into `dist/ort/`: with a kernel of its own, in two parts. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withDirectKernel } from './direct.js';
import profile from './engine-profile.json' with { type: 'json' };
import { splitModule } from './split.js';

/** The engine, as it is loaded. */
export interface EngineParts {
  /** All of it. */
  whole: Uint8Array<ArrayBuffer>;
  first: Uint8Array<ArrayBuffer>;
  /** `null` where the first part is all of it. */
  rest: Uint8Array<ArrayBuffer> | null;
  /** Operators of the networks that the first part was measured with; `null` where that is all. */
  operators: readonly string[] | null;
}

/**
 * Adds the kernel for depthwise convolutions to the engine, and splits it, by `engine-profile.json`, where
 * that was measured with this very binary.
 *
 * @param cache - A folder for what takes seconds.
 * @param say - Is told why the engine stays in one piece, or without the kernel.
 */
export async function engineParts(
  binary: Uint8Array<ArrayBuffer>,
  cache: string,
  say: (line: string) => void,
): Promise<EngineParts> {
  const { engine, functions, hot, convolve, operators } = profile;
  const sha256 = digestOf(binary);
  if (sha256 !== engine.sha256) {
    say(
      `ONNX Runtime's ${engine.file} is not that of version ${engine.version}, which its profile was measured with: it is loaded in one piece, without tabserve's kernel. src/build/engine-parts/recipe/ measures anew.`,
    );
    return { whole: binary, first: binary, rest: null, operators: null };
  }
  const bits = Buffer.from(hot, 'base64');
  const split = (whole: Uint8Array<ArrayBuffer>): EngineParts => {
    // What is added comes last, and is needed first.
    const isHot = (at: number) => at >= functions || (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
    const parts = splitModule(whole, isHot);
    return { whole, first: parts.hot, rest: parts.cold, operators };
  };
  const names = ['whole', 'first', 'rest'] as const;
  const files = names.map((name) => join(cache, `${keyOf(sha256)}.${name}.wasm`));
  if (!files.every(existsSync)) {
    const linked = await withDirectKernel(binary, convolve).catch((cause: unknown) => {
      say(
        `tabserve's kernel for depthwise convolutions is left out of ONNX Runtime ${engine.version}: ${cause}`,
      );
    });
    if (!linked) return split(binary);
    const parts = split(linked);
    mkdirSync(cache, { recursive: true });
    for (const [at, name] of names.entries()) {
      const file = files[at] as string;
      // Several builds may do so at once.
      writeFileSync(`${file}.${process.pid}`, parts[name] as Uint8Array);
      renameSync(`${file}.${process.pid}`, file);
    }
  }
  const [whole, first, rest] = files.map((file) => new Uint8Array(readFileSync(file)));
  return { whole, first, rest, operators } as EngineParts;
}

/** Changes with whatever the parts depend on. */
function keyOf(sha256: string): string {
  const hash = createHash('sha256').update(sha256);
  const sources = readdirSync(import.meta.dirname).filter((name) =>
    /(?<!\.test)\.(ts|mjs|json)$/.test(name),
  );
  for (const name of sources.sort()) hash.update(readFileSync(join(import.meta.dirname, name)));
  return hash.digest('hex');
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
