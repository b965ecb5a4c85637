/** `tabserve copy`: what a deployment serves, and no more. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { TabserveError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { embeddedModels } from '../model/embedded.js';

/** Options of {@link copy}, as they stand on the command line. */
export interface CopyOptions {
  /**
   * `wasm`, or `wasm,webgpu`. With `wasm-first` instead of `wasm` the second part of the WASM engine is left
   * out, which models with unusual operators need. @default 'wasm,webgpu'
   */
  engines?: string | undefined;
  /** Names of embedded models, or `none`. @default 'photos' */
  models?: string | undefined;
  /** Whether `.br` and `.gz` are written beside what gets smaller. */
  compress?: boolean | undefined;
  /** Whether an earlier copy is replaced. */
  force?: boolean | undefined;
}

/** A part of a deployment. */
interface Part {
  name: string;
  /** What is lost without it. */
  without: string;
  has(path: string): boolean;
}

/** What tells an earlier copy from a folder of other files, which is not to be deleted. */
const alwaysCopied = 'THIRD-PARTY-LICENSES.txt';

const gpuFiles =
  /(^|\/)(worker-(jspi|asyncify)\.js|ort-wasm-simd-threaded\.(jspi|asyncify)\.wasm\.gz)$/;
const restFile = /(^|\/)ort-wasm-simd-threaded\.rest\.wasm\.gz$/;
const gzipFile = promisify(gzip);
const brotliFile = promisify(brotliCompress);

const parts: readonly Part[] = [
  {
    name: 'WebGPU engines',
    without: 'everything runs on WASM',
    has: (path) => gpuFiles.test(path),
  },
  {
    name: "WASM engine's second part",
    without: 'models with unusual operators load it from a CDN, or fail',
    has: (path) => restFile.test(path),
  },
  {
    name: 'WASM engine',
    without: 'nothing runs',
    has: (path) => path.startsWith('ort/') || /(^|\/)worker-wasm\.js$/.test(path),
  },
  {
    name: 'embedded models',
    without: 'create() needs a "model"',
    has: (path) => path.startsWith('models/'),
  },
  { name: 'library', without: 'nothing runs', has: () => true },
];

/**
 * Copies tabserve's files into `directory`.
 *
 * @param say - Prints what it weighs.
 * @throws TabserveError `invalid-argument` for a name that there is not, for a folder of other files, and for an
 *   earlier copy without `force`.
 */
export async function copy(
  directory: string,
  { engines = 'wasm,webgpu', models = 'photos', compress = false, force = false }: CopyOptions,
  say: (line: string) => void,
): Promise<void> {
  const wanted = listed(engines, 'engines', ['wasm', 'webgpu', 'wasm-first']);
  const withGpu = wanted.includes('webgpu');
  const withRest = wanted.includes('wasm') || !wanted.includes('wasm-first');
  const names = models === 'none' ? [] : listed(models, 'models', Object.keys(embeddedModels));
  const there: string[] = await readdir(directory).catch(() => []);
  const isCopy = there.includes(alwaysCopied);
  if (there.length > 0 && !(isCopy && force)) {
    const why = isCopy
      ? 'has an earlier copy. --force replaces it.'
      : `has other files in it. Name a folder for tabserve alone, such as ${join(directory, 'tabserve')}.`;
    throw new TabserveError('invalid-argument', `${directory} ${why}`, { details: { directory } });
  }
  await rm(directory, { recursive: true, force: true });
  const dist = dirname(fileURLToPath(import.meta.url));
  const weights = new Map(parts.map(({ name }) => [name, { bytes: 0, packed: 0 }]));
  for (const path of await filesIn(dist)) {
    const isOther =
      /^(types|cli\.js|vite\.js)/.test(path) ||
      (!withGpu && gpuFiles.test(path)) ||
      (!withRest && restFile.test(path)) ||
      (path.startsWith('models/') && !names.some((name) => path.startsWith(`models/${name}/`)));
    if (isOther) continue;
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    await cp(join(dist, path), target);
    const { bytes, packed } = await weigh(target, compress);
    const part = parts.find((each) => each.has(path)) as Part;
    const weight = weights.get(part.name) as { bytes: number; packed: number };
    weight.bytes += bytes;
    weight.packed += packed;
  }
  let [bytes, packed] = [0, 0];
  for (const { name, without } of parts) {
    const weight = weights.get(name) as { bytes: number; packed: number };
    bytes += weight.bytes;
    packed += weight.packed;
    if (weight.bytes === 0) say(`${name}: left out; ${without}`);
    else say(`${name}: ${megabytes(weight.bytes)}, ${megabytes(weight.packed)} compressed`);
  }
  say(`${directory}: ${megabytes(bytes)}, ${megabytes(packed)} compressed`);
}

function listed(value: string, option: string, known: readonly string[]): string[] {
  const names = value.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  const near = nearest(unknown, known);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw new TabserveError(
    'invalid-argument',
    `--${option}: there is no "${unknown}"; there are ${known.join(', ')}.${hint}`,
    { details: { option, found: unknown } },
  );
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** A file's bytes, and as a host would send them; written beside it where asked for. */
async function weigh(file: string, compress: boolean): Promise<{ bytes: number; packed: number }> {
  const content = await readFile(file);
  const bytes = content.length;
  if (!/\.(js|json|txt|css|html)$/.test(file)) return { bytes, packed: bytes };
  const zipped = await gzipFile(content, { level: 9 });
  if (compress) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
    await writeFile(`${file}.gz`, zipped);
    await writeFile(`${file}.br`, await brotliFile(content, { params }));
  }
  return { bytes, packed: zipped.length };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
