/** The engine's binary in its two parts, as the build puts them into `dist/ort/`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import profile from './engine-profile.json' with { type: 'json' };
import { splitModule } from './split.js';

/** The engine, as it is loaded. */
export interface EngineParts {
  first: Uint8Array<ArrayBuffer>;
  /** `null` where the first part is all of it. */
  rest: Uint8Array<ArrayBuffer> | null;
  /** Operators of the networks that the first part was measured with; `null` where that is all. */
  operators: readonly string[] | null;
}

/**
 * Splits the engine by `engine-profile.json`, where that was measured with this very binary.
 *
 * @param cache - A folder for what takes a second.
 * @param say - Is told why the engine stays in one piece.
 */
export function engineParts(
  binary: Uint8Array<ArrayBuffer>,
  cache: string,
  say: (line: string) => void,
): EngineParts {
  const { engine, hot, operators } = profile;
  const sha256 = digestOf(binary);
  if (sha256 !== engine.sha256) {
    say(
      `ONNX Runtime's ${engine.file} is not that of version ${engine.version}, which its profile was measured with: it is loaded in one piece. src/build/engine-parts/recipe/ measures anew.`,
    );
    return { first: binary, rest: null, operators: null };
  }
  const splitter = readFileSync(join(import.meta.dirname, 'split.ts'));
  const key = digestOf(Buffer.concat([Buffer.from(sha256 + hot), splitter]));
  const [first, rest] = ['first', 'rest'].map((part) => join(cache, `${key}.${part}.wasm`));
  if (!existsSync(rest as string)) {
    const bits = Buffer.from(hot, 'base64');
    const parts = splitModule(binary, (at) => (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1);
    mkdirSync(cache, { recursive: true });
    writeFileSync(first as string, parts.hot);
    writeFileSync(rest as string, parts.cold);
  }
  return {
    first: new Uint8Array(readFileSync(first as string)),
    rest: new Uint8Array(readFileSync(rest as string)),
    operators,
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
