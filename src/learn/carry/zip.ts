/** Zips, by fflate. */
import { unzipSync, zipSync } from 'fflate';
import { messageOf, TabserveError } from '../../base/errors.js';
import type { UnzippedFile } from '../types.js';

/** Most bytes of a zip, and of what is in it; most bytes of one file, and most files. */
const mostBytes = 2 ** 30;
const mostFileBytes = 2 ** 26;
const mostFiles = 50_000;

/** Files of one folder as a zip. Weights are not compressed, which takes long and gains little. */
export function zipFiles(
  files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>,
): Uint8Array<ArrayBuffer> {
  return zipSync(
    Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [
        name,
        [bytes, { level: name.endsWith('.onnx') ? (0 as const) : (6 as const) }],
      ]),
    ),
  ) as Uint8Array<ArrayBuffer>;
}

/**
 * The files of a zip, but for folders and what systems put there for themselves.
 *
 * @throws TabserveError `invalid-argument` for what is no zip, or one that is too large.
 */
export async function unzipFiles(zip: Blob): Promise<UnzippedFile[]> {
  const refuse = (why: string, cause?: unknown) =>
    new TabserveError('invalid-argument', `The zip cannot be read: ${why}.`, { cause });
  if (zip.size > mostBytes) throw refuse(`it has ${zip.size} bytes; ${mostBytes} are possible`);
  let count = 0;
  let bytes = 0;
  try {
    const files = unzipSync(new Uint8Array(await zip.arrayBuffer()), {
      filter: ({ name, originalSize }) => {
        const isForPeople = !/(^|\/)(\.|__MACOSX\/)|\/$/.test(name);
        if (!isForPeople) return false;
        if (originalSize > mostFileBytes) throw refuse(`"${name.slice(0, 100)}" is too large`);
        count += 1;
        bytes += originalSize;
        if (count > mostFiles || bytes > mostBytes) throw refuse('there is too much in it');
        return true;
      },
    });
    return Object.entries(files).map(([path, content]) => ({
      path,
      file: new Blob([content as Uint8Array<ArrayBuffer>]),
    }));
  } catch (error) {
    throw error instanceof TabserveError ? error : refuse(messageOf(error), error);
  }
}
