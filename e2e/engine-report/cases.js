/** The cases of the report, and whether what was found is right. */

let blob;

/** @returns The index of `folder`, with each model's bytes. */
export async function loadCases(folder) {
  const cases = await (await fetch(`${folder}/cases.json`)).json();
  blob = await (await fetch(`${folder}/cases.bin`)).arrayBuffer();
  return cases.map((each) => ({ ...each, model: new Uint8Array(blob, ...each.model) }));
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Reads a tensor of the index. Half precision is left as it is written. */
export function read({ type, at: [from, length] }) {
  const TypedArray = type === 'float16' ? Uint16Array : arrays[type];
  return new TypedArray(blob.slice(from, from + length));
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

function numbers(data, type) {
  if (type !== 'float16') return Array.from(data, Number);
  return data instanceof Uint16Array ? Array.from(data, half) : Array.from(data);
}

/**
 * How far numbers are from the right ones: the largest difference as a share of the largest right
 * magnitude (at least 1), and how many are further off than `tolerance`.
 */
function distance(found, right, tolerance) {
  let scale = 1;
  for (const value of right) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  let largest = 0;
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    const same = Object.is(found[i], right[i]) || found[i] === right[i];
    const off1 = same ? 0 : Math.abs(found[i] - right[i]) / scale;
    const difference = Number.isNaN(off1) ? Number.POSITIVE_INFINITY : off1;
    if (difference > tolerance) off += 1;
    if (difference > largest) largest = difference;
  }
  return { largest, off, of: right.length };
}

/** How far numbers may be from the right ones, as a share of the largest; types that are not here: not at all. */
const tolerances = { float32: 1e-3, float16: 1e-2, float64: 1e-6, int8: 1 / 127, uint8: 1 / 255 };

/**
 * @param found - The outputs by name: `{ dims, data }`, half precision as it comes.
 * @param tolerance - Another one than the type's.
 * @returns `status` `right` or `wrong`, and how far off.
 */
export function compare({ outputs }, found, tolerance) {
  let worst = { largest: 0, off: 0, of: 0 };
  for (const right of outputs) {
    const { dims, data } = found[right.name] ?? {};
    if (!dims) return { status: 'wrong', message: `no output ${right.name}` };
    if (dims.join() !== right.dims.join()) {
      return { status: 'wrong', message: `shape ${dims} not ${right.dims}` };
    }
    const each = distance(
      numbers(data, right.type),
      numbers(read(right), right.type),
      tolerance ?? tolerances[right.type] ?? 0,
    );
    if (each.off > worst.off || each.largest > worst.largest) worst = each;
  }
  return { status: worst.off > 0 ? 'wrong' : 'right', ...worst };
}
