/** A first manifest for an `.onnx` file. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { bareModel } from '../model/bare.js';
import { unlistedData } from '../model/external-data.js';
import { decodeText, parseLabelFile } from '../model/label-file.js';
import { labelFileNames } from '../model/labels.js';
import { type ExternalFile, type ModelManifest, parseManifest } from '../model/manifest.js';
import { readOnnx } from '../model/onnx/graph.js';
import { readMetadata } from '../model/onnx/metadata.js';
import { skeletonOf } from '../model/onnx/skeleton.js';
import type { Completion, LabelFile } from '../model/translation.js';
import { complete } from '../tasks/translate.js';
import { openComplete } from './graph.js';
import { answered, questionsFor } from './questions.js';

/** Options of {@link writeManifest}. */
export interface ManifestOptions {
  /** Replace what is there. @default false */
  force?: boolean | undefined;
  /** A label file. @default one of the usual name beside the graph */
  labels?: string | undefined;
}

/** More labels than these are written into a file of their own. */
const mostInline = 20;

/**
 * Writes `model.json` beside `path`: what the graph and its metadata say of themselves, and what is
 * usual, said apart. In a terminal it asks for what nothing tells.
 */
export async function writeManifest(
  path: string,
  options: ManifestOptions,
  say: (line: string) => void,
): Promise<void> {
  const folder = dirname(path);
  const target = join(folder, 'model.json');
  if (existsSync(target) && !options.force) {
    throw new Error(`${target} is there already. --force replaces it.`);
  }
  if (!existsSync(path)) throw new Error(`There is no ${path}.`);
  const bytes = await readFile(path);
  const name = basename(path);
  const skeleton = skeletonOf(bytes);
  const { manifest: bare } = bareModel(name);
  const [file] = bare.files;
  const external = file
    ? await readExternal(folder, unlistedData(file, skeleton?.locations ?? []))
    : [];
  const beside = options.labels === undefined ? await labelsBeside(folder) : [];
  const graph = skeleton?.write() ?? null;
  const isNamed = graph !== null && readMetadata(readOnnx(graph).metadata).labels !== undefined;
  const terminal = openTerminal();
  const labels =
    options.labels !== undefined
      ? await readLabelFile(options.labels)
      : isNamed || beside.length > 0 || !terminal
        ? undefined
        : await askForLabels(terminal);
  let completion: Completion | undefined;
  const { session, complete: assumed } = await openComplete(
    { bytes, external: external.map(({ path, data }) => ({ path, data })) },
    ({ inputs, outputs }) => {
      const manifest = { ...bare, ...(labels && { labels }) };
      const request = { manifest, open: 'everything', inputs, outputs, graph, beside } as const;
      completion = complete({ ...request, where: name });
      return completion.manifest as ModelManifest;
    },
    name,
  );
  await session.release();
  const questions = questionsFor(assumed, completion?.assumed ?? []);
  const manifest = terminal
    ? await answered(assumed, questions, (text) => terminal.question(text))
    : assumed;
  terminal?.close();
  const all = Array.isArray(manifest.labels) ? manifest.labels : [];
  const isLong = all.length > mostInline;
  const kept = beside.find((each) => each.name === 'labels.txt')?.labels;
  const isKept = `${kept}` === `${all}`;
  // What an author has there is his.
  const isTaken = !isKept && existsSync(join(folder, 'labels.txt'));
  const url = isTaken ? `${basename(name, '.onnx')}.labels.txt` : 'labels.txt';
  const written: ModelManifest = {
    ...manifest,
    version: '1.0.0',
    labels: isLong ? { url } : all,
    ...translationsIn(folder),
    files: manifest.files.map((each) => ({
      ...each,
      bytes: bytes.length,
      sha256: digestOf(bytes),
      ...(external.length > 0 && { external: external.map(({ data, ...file }) => file) }),
    })),
  };
  const labelTarget = join(folder, url);
  if (isLong && !isKept) {
    await writeFile(labelTarget, `${all.join('\n')}\n`);
    say(`Wrote ${labelTarget}: ${all.length} labels.`);
  }
  // What is written here is not to be refused later.
  parseManifest(JSON.parse(JSON.stringify(written)), target);
  await writeFile(target, `${JSON.stringify(written, null, 2)}\n`);
  for (const each of completion?.found ?? []) say(`Found: ${each}.`);
  const doubts = completion?.fallbacks ?? [];
  const then = doubts.length > 0 ? ' Check what was assumed, and correct what is wrong:' : '';
  say(`Wrote ${target}.${then}`);
  for (const { reason } of doubts) say(`  ${reason}`);
}

/** The label files of the usual names in a graph's folder, as pages find them. */
async function labelsBeside(folder: string): Promise<LabelFile[]> {
  const found: LabelFile[] = [];
  for (const name of labelFileNames) {
    const path = join(folder, name);
    if (existsSync(path)) found.push({ name, labels: await readLabelFile(path) });
  }
  return found;
}

async function readLabelFile(path: string): Promise<string[]> {
  return parseLabelFile(decodeText(await readFile(path)), path).labels;
}

async function readExternal(folder: string, files: readonly ExternalFile[]) {
  return Promise.all(
    files.map(async (each) => {
      const path = join(folder, each.url);
      if (!existsSync(path)) {
        throw new Error(`The graph keeps weights in "${each.path}", which is not there: ${path}.`);
      }
      const data = await readFile(path);
      return { ...each, bytes: data.length, sha256: digestOf(data), data };
    }),
  );
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where somebody can answer. */
function openTerminal(): Interface | undefined {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  return createInterface({ input: process.stdin, output: process.stdout });
}

async function askForLabels(terminal: Interface): Promise<string[] | undefined> {
  const path = (await terminal.question('A file with the labels (Enter: none): ')).trim();
  return path === '' ? undefined : readLabelFile(path);
}

/** `labels.de.txt` and its kin beside the graph. */
function translationsIn(folder: string): Pick<ModelManifest, 'translations'> {
  const found = readdirSync(folder).flatMap((name) => {
    const tag = /^labels\.([a-z]{2,3}(?:-[a-z\d]{2,8})*)\.(?:txt|json)$/i.exec(name)?.[1];
    if (tag === undefined) return [];
    const bytes = readFileSync(join(folder, name));
    return [[tag, { url: name, bytes: bytes.length, sha256: digestOf(bytes) }] as const];
  });
  return found.length > 0 ? { translations: Object.fromEntries(found) } : {};
}
