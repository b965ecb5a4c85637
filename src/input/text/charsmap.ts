/**
 * SentencePiece's precompiled map of characters, as the normalizer `Precompiled` applies it.
 *
 * Sources: `spm_precompiled` 0.1 (`Precompiled`, `DoubleArray`), which Hugging Face's tokenizers use;
 * S. Yata, "Darts-clone: A clone of Darts (Double-ARray Trie System)", for the units of the trie.
 */
import { TabserveError } from '../../base/errors.js';

/** Clusters of more bytes are replaced character by character. */
const longestCluster = 6;

/**
 * Reads the map.
 *
 * @param encoded - As `precompiled_charsmap` has it, in base64.
 * @param where - What the message calls the file.
 * @returns The normalizer.
 * @throws TabserveError `model-invalid` where it is no such map.
 */
export function openCharsmap(encoded: string, where: string): (text: string) => string {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0));
  } catch {
    throw damaged(where);
  }
  if (bytes.length < 4) throw damaged(where);
  const view = new DataView(bytes.buffer);
  const size = view.getUint32(0, true);
  if (size % 4 !== 0 || 4 + size > bytes.length) throw damaged(where);
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const normalized = bytes.subarray(4 + size);
  const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

  const replacement = (bytes: Uint8Array): string | undefined => {
    const at = firstPrefix(units, bytes);
    if (at === undefined || at >= normalized.length) return undefined;
    const end = normalized.indexOf(0, at);
    return decoder.decode(normalized.subarray(at, end < 0 ? undefined : end));
  };
  // Texts are made of few characters.
  const known = new Map<string, string>();
  const replace = (cluster: string): string => {
    const bytes = encoder.encode(cluster);
    const whole = bytes.length < longestCluster ? replacement(bytes) : undefined;
    if (whole !== undefined) return whole;
    return Array.from(cluster, (char) => replacement(encoder.encode(char)) ?? char).join('');
  };
  return (text) => {
    let result = '';
    for (const { segment } of segmenter.segment(text)) {
      let found = known.get(segment);
      if (found === undefined) {
        found = replace(segment);
        if (known.size < 10_000) known.set(segment, found);
      }
      result += found;
    }
    return result;
  };
}

/** The value of the shortest key of the trie with which `bytes` begin. */
function firstPrefix(units: Uint32Array, bytes: Uint8Array): number | undefined {
  let unit = units[0] ?? 0;
  let position = offsetOf(unit);
  for (const byte of bytes) {
    if (byte === 0) return undefined;
    position ^= byte;
    const next = units[position];
    // The unit's own label has to be that byte.
    if (next === undefined || (next & 0x8000_00ff) >>> 0 !== byte) return undefined;
    unit = next;
    position ^= offsetOf(unit);
    if ((unit >>> 8) & 1) return (units[position] ?? 0) & 0x7fff_ffff;
  }
  return undefined;
}

/** Where the children of a unit lie. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
}

function damaged(where: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `The "precompiled_charsmap" in ${where} is damaged. Fetch the file again.`,
    { details: { file: where } },
  );
}
