/** Zips, by fflate. */
import { unzipSync, zipSync } from 'fflate';
import { messageOf, TabserveError } from '../../base/errors.js';
import { isForPeople } from '../folders.js';
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
    const content = new Uint8Array(await zip.arrayBuffer());
    if (isEncrypted(content)) throw refuse('it is encrypted. Unpack it, and choose the folder');
    const files = unzipSync(content, {
      filter: ({ name, originalSize }) => {
        const path = pathOf(name);
        if (path.endsWith('/') || !isForPeople(path)) return false;
        if (originalSize > mostFileBytes) throw refuse(`"${name.slice(0, 100)}" is too large`);
        count += 1;
        bytes += originalSize;
        if (count > mostFiles || bytes > mostBytes) throw refuse('there is too much in it');
        return true;
      },
    });
    return Object.entries(files).map(([name, content]) => ({
      path: pathOf(name),
      file: new Blob([content as Uint8Array<ArrayBuffer>]),
    }));
  } catch (error) {
    throw error instanceof TabserveError ? error : refuse(messageOf(error), error);
  }
}

/**
 * A name as a path. macOS writes UTF-8 without saying so, which is then read as Latin-1; old Windows
 * programs write backslashes.
 */
function pathOf(name: string): string {
  let path = name;
  if (/^[\0-\xff]*[\x80-\xff]/.test(name)) {
    const bytes = Uint8Array.from(name, (char) => char.charCodeAt(0));
    try {
      path = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      // It is Latin-1, or was UTF-8 that said so.
    }
  }
  return path.replaceAll('\\', '/');
}

/** Whether any file of the zip is encrypted, by its central directory. */
function isEncrypted(zip: Uint8Array): boolean {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
  // APPNOTE.TXT 4.3.16: the end's signature, before at most 65,535 bytes of comment.
  let end = zip.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) return false;
  let at = view.getUint32(end + 16, true);
  // 4.3.12: flags at 8, of which the lowest says it; lengths of what follows the 46 bytes at 28.
  while (at + 46 <= zip.length && view.getUint32(at, true) === 0x02014b50) {
    if (view.getUint16(at + 8, true) & 1) return true;
    const rest = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    at += 46 + rest.reduce((sum, length) => sum + length, 0);
  }
  return false;
}
