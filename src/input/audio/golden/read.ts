/** Reads the golden files of this room's tests. */

/** 16-bit samples, little-endian, in base64, as −1…1. */
export function samplesOf(base64: string): Float32Array {
  const bytes = bytesOf(base64);
  const view = new DataView(bytes.buffer);
  return Float32Array.from(
    { length: bytes.length / 2 },
    (_, at) => view.getInt16(2 * at, true) / 32768,
  );
}

/** float32, little-endian, in base64. */
export function floatsOf(base64: string): Float32Array {
  return new Float32Array(bytesOf(base64).buffer);
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** The largest difference between two lists of one length. */
export function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let furthest = 0;
  for (let at = 0; at < found.length; at += 1) {
    const difference = Math.abs((found[at] as number) - (expected[at] as number));
    // Not a comparison alone: NaN must fail.
    if (!(difference <= furthest)) furthest = Number.isNaN(difference) ? Infinity : difference;
  }
  return furthest;
}
