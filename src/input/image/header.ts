/**
 * What a file says about itself in its first bytes: its type and the size of its picture, before
 * anything is decoded. A header that claims 60000 × 60000 pixels must cost nothing.
 */

/** Types that are told apart. `html` and `text` are what broken downloads often are. */
export type FileType =
  | 'png'
  | 'jpeg'
  | 'gif'
  | 'webp'
  | 'bmp'
  | 'avif'
  | 'heic'
  | 'svg'
  | 'html'
  | 'text'
  | 'empty'
  | 'unknown';

/** The result of {@link readHeader}. */
export interface FileHeader {
  type: FileType;
  /** Size as stored, before EXIF orientation. Absent where the header does not tell it cheaply. */
  size?: { width: number; height: number };
  /**
   * Of a JPEG that was understood up to its pixels: EXIF's orientation, 1…8. 1: as it is stored.
   */
  orientation?: number;
  /**
   * EXIF's orientation, 2…8, where browsers differ in whether they heed it and Pillow does: as LONG
   * in a JPEG, and in WebP.
   */
  unheeded?: number;
  /**
   * Of a JPEG that was understood up to its pixels: whether it is grey or has three components, and
   * says nothing that could change its colours: neither an ICC profile nor EXIF.
   */
  plain?: boolean;
}

/** How much is read at a time. JPEG's size may come after long metadata, which is skipped over. */
const chunkBytes = 4096;

/**
 * Reads a file's type and size from its first few kilobytes.
 *
 * @param file - A blob, of which no more is read than that, or bytes.
 * @throws DOMException `NotReadableError` when the file behind the blob has gone.
 */
export async function readHeader(file: Blob | Uint8Array): Promise<FileHeader> {
  const bytes = await chunk(file, 0);
  const type = fileType(bytes);
  const { size, ...rest } =
    type === 'jpeg'
      ? await jpegHeader(file, bytes)
      : {
          size: sizeOf(type, viewOf(bytes)),
          ...(type === 'webp' && unheeded(await webpOrientation(file, bytes))),
        };
  return { type, ...rest, ...(size && size.width > 0 && size.height > 0 && { size }) };
}

/**
 * A file's first bytes for a message: as text where they are text, else in hex.
 *
 * @param length - At most so many bytes.
 */
export async function firstBytes(blob: Blob, length = 32): Promise<string> {
  const bytes = new Uint8Array(await blob.slice(0, length).arrayBuffer());
  if (isText(bytes)) return JSON.stringify(new TextDecoder().decode(bytes));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

async function chunk(file: Blob | Uint8Array, at: number): Promise<Uint8Array> {
  return file instanceof Blob
    ? new Uint8Array(await file.slice(at, at + chunkBytes).arrayBuffer())
    : file.subarray(at, at + chunkBytes);
}

function viewOf(bytes: Uint8Array, from = 0): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from);
}

/** The type of a file, from its first bytes (more than 16 of them where the file has them). */
export function fileType(bytes: Uint8Array): FileType {
  if (bytes.length === 0) return 'empty';
  const ascii = String.fromCharCode(...bytes.subarray(0, 64));
  if (ascii.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (ascii.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(ascii)) return 'gif';
  if (/^RIFF.{4}WEBP/s.test(ascii)) return 'webp';
  if (ascii.startsWith('BM') && !isText(bytes)) return 'bmp';
  if (ascii.slice(4, 8) === 'ftyp') {
    const brands = String.fromCharCode(...bytes.subarray(8, Math.min(bytes[3] ?? 0, 64)));
    if (/avi[fs]/.test(brands)) return 'avif';
    if (/hei[cx]|mif1|hevc/.test(brands)) return 'heic';
    return 'unknown';
  }
  if (!isText(bytes)) return 'unknown';
  const text = new TextDecoder().decode(bytes);
  // XML declaration, comments and doctype may come before the root element.
  const root =
    /^\s*(?:<\?[^>]*>\s*|<!--(?:(?!-->).)*-->\s*|<!doctype svg[^>[]*(?:\[[^\]]*\])?[^>]*>\s*)*<([\w:!]+)/is;
  const tag = root.exec(text)?.[1]?.toLowerCase();
  if (tag === 'svg' || tag?.endsWith(':svg')) return 'svg';
  return tag === undefined ? 'text' : 'html';
}

/** UTF-8 without control characters, but for a character that the end cuts off. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.some((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13)) {
    return false;
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function sizeOf(type: FileType, view: DataView): FileHeader['size'] {
  try {
    switch (type) {
      case 'png':
        return { width: view.getUint32(16), height: view.getUint32(20) };
      case 'gif':
        return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
      case 'bmp':
        return bmpSize(view);
      case 'webp':
        return webpSize(view);
      default:
        return undefined;
    }
  } catch (error) {
    // The file ends within its header: the decoder will say so.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function bmpSize(view: DataView): FileHeader['size'] {
  const coreHeader = view.getUint32(14, true) === 12;
  if (coreHeader) return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  // A negative height means that the rows are stored from the top.
  return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
}

/** Source: the WebP container specification, chunks `VP8 `, `VP8L` and `VP8X`. */
function webpSize(view: DataView): FileHeader['size'] {
  switch (view.getUint8(15)) {
    case 0x20:
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
      };
    case 0x4c: {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 0x58:
      return {
        width: (view.getUint32(24, true) & 0xffffff) + 1,
        height: (view.getUint32(26, true) >>> 8) + 1,
      };
    default:
      return undefined;
  }
}

/**
 * Walks from marker to marker (ITU-T T.81, annex B) to the first scan, reading as little as it can.
 */
async function jpegHeader(
  file: Blob | Uint8Array,
  head: Uint8Array,
): Promise<Omit<FileHeader, 'type'>> {
  let bytes = head;
  let from = 0;
  let at = 2;
  let size: FileHeader['size'];
  let components = 0;
  let orientation = 1;
  let tagged = false;
  while (true) {
    if (at + 10 > from + bytes.length) {
      from = at;
      bytes = await chunk(file, from);
      if (bytes.length < 9) return size ? { size } : {};
    }
    const view = viewOf(bytes, at - from);
    const marker = view.getUint8(1);
    if (view.getUint8(0) !== 0xff) return size ? { size } : {};
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) {
      // After the start of a scan come pixels, and the size should have come before.
      if (!size) return {};
      const plain = !tagged && (components === 1 || components === 3);
      // What was stored as LONG is kept apart by its upper half.
      if (orientation > 0xffff) return { size, plain, ...unheeded(orientation - 0x10000) };
      return { size, plain, ...(orientation > 0 && orientation < 9 && { orientation }) };
    }
    const length = view.getUint16(2);
    if (isFrameHeader(marker)) {
      size = { width: view.getUint16(7), height: view.getUint16(5) };
      components = view.byteLength > 9 ? view.getUint8(9) : 0;
    } else if (marker === 0xe1 && view.getUint32(4) === exifTag) {
      if (from < at && at + length > from + bytes.length) {
        from = at;
        bytes = await chunk(file, from);
      }
      const segment = bytes.subarray(0, at - from + 2 + length);
      orientation = readOrientation(viewOf(segment, at - from + 10));
      tagged = true;
    } else if (marker === 0xe2 && view.getUint32(4) === iccTag) {
      tagged = true;
    }
    at += 2 + length;
  }
}

/** `Exif` and `ICC_`, with which their segments begin. */
const exifTag = 0x45786966;
const iccTag = 0x4943435f;

/** Source: Exif 2.32 (CIPA DC-008), 4.6.4, tag 0x0112. 0 where it cannot be read. */
function readOrientation(tiff: DataView): number {
  try {
    const little = tiff.getUint16(0) === 0x4949;
    const directory = tiff.getUint32(4, little);
    for (let entry = tiff.getUint16(directory, little); entry > 0; entry--) {
      const at = directory + entry * 12 - 10;
      if (tiff.getUint16(at, little) !== 0x0112) continue;
      // Exif asks for SHORT (3); some cameras write LONG (4), which Pillow reads as well.
      const isLong = tiff.getUint16(at + 2, little) === 4;
      return isLong
        ? 0x10000 + (tiff.getUint32(at + 8, little) & 0xff)
        : tiff.getUint16(at + 8, little);
    }
    return 1;
  } catch (error) {
    if (error instanceof RangeError) return 0;
    throw error;
  }
}

/** EXIF of a WebP file: a chunk that comes after the picture, announced by a flag (`VP8X`). */
async function webpOrientation(file: Blob | Uint8Array, head: Uint8Array): Promise<number> {
  const isExtended = head[15] === 0x58 && ((head[20] ?? 0) & 8) !== 0;
  let at = isExtended ? 12 : Infinity;
  for (let chunks = 0; chunks < mostChunks && Number.isFinite(at); chunks++) {
    const view = viewOf(await chunk(file, at));
    if (view.byteLength < 8) break;
    if (view.getUint32(0) === webpExifTag) {
      // Some writers put JPEG's prefix before it.
      const from = view.byteLength > 14 && view.getUint32(8) === exifTag ? 14 : 8;
      return (
        readOrientation(new DataView(view.buffer, view.byteOffset + from, view.byteLength - from)) &
        0xff
      );
    }
    const length = view.getUint32(4, true);
    at += 8 + length + (length & 1);
  }
  return 1;
}

/** Chunks of a WebP file that are looked at: an animation has one for each of its pictures. */
const mostChunks = 256;

/** `EXIF` */
const webpExifTag = 0x45584946;

function unheeded(orientation: number): Pick<FileHeader, 'unheeded'> {
  return orientation > 1 && orientation < 9 ? { unheeded: orientation } : {};
}

/** SOF0 to SOF15, without the three other markers among them: DHT, JPG, DAC. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
