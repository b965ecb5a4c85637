/**
 * Where this package's own files are, in a page that is one file: inside it.
 *
 * Takes the place of `package-files.ts` in the single-file build, which puts each file into a
 * `<script type="text/plain" id="tabserve:…">` as base64, the engine compressed. From `file://`
 * nothing can be fetched but `data:` addresses.
 */
import audioPack from '../../dist/packs/audio.js?raw';
import explainPack from '../../dist/packs/explain.js?raw';
import imagePack from '../../dist/packs/image.js?raw';
import learnPack from '../../dist/packs/learn.js?raw';
import protectPack from '../../dist/packs/protect.js?raw';
import searchPack from '../../dist/packs/search.js?raw';
import tablePack from '../../dist/packs/table.js?raw';
import tensorPack from '../../dist/packs/tensor.js?raw';
import textPack from '../../dist/packs/text.js?raw';
import workerWasm from '../../dist/worker-wasm.js?raw';
import { TabserveError } from '../base/errors.js';
import type { EngineFlavour, PackName } from './protocol.js';

const prefix = 'tabserve:';

/**
 * As in `package-files.ts`.
 *
 * @throws TabserveError `unsupported` for WebGPU, whose engine would double the file.
 */
export function engineBinary(flavour: EngineFlavour): string {
  refuseOthers(flavour);
  return dataUrl(document.getElementById(`${prefix}ort/ort-wasm-simd-threaded.wasm.gz`));
}

/** As in `package-files.ts`: here the engine is in one piece. */
export function engineRest(): null {
  return null;
}

/** As in `package-files.ts`. */
export function embeddedModel(name: string): Record<string, string> {
  const start = `${prefix}models/${name}/`;
  const files = document.querySelectorAll(`script[id^="${start}"]`);
  return Object.fromEntries(
    Array.from(files, (element) => [element.id.slice(start.length), dataUrl(element)]),
  );
}

/** As {@link engineBinary}. */
export async function workerSource(flavour: EngineFlavour): Promise<string> {
  refuseOthers(flavour);
  return workerWasm;
}

/** As in `package-files.ts`. */
export function workerFile(): null {
  return null;
}

const packs: Readonly<Record<PackName, string>> = {
  audio: audioPack,
  explain: explainPack,
  image: imagePack,
  learn: learnPack,
  protect: protectPack,
  search: searchPack,
  table: tablePack,
  tensor: tensorPack,
  text: textPack,
};

/** As in `package-files.ts`. */
export async function packSource(name: PackName): Promise<string> {
  return packs[name];
}

/** As in `package-files.ts`. */
export function packFile(): null {
  return null;
}

/** `blob:` addresses of a `file://` page are closed to its worker. */
function dataUrl(element: Element | null): string {
  return `data:application/octet-stream;base64,${element?.textContent ?? ''}`;
}

function refuseOthers(flavour: EngineFlavour): void {
  if (flavour === 'wasm') return;
  throw new TabserveError('unsupported', 'This page carries the WASM engine only, to stay small.');
}
