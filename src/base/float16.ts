/** IEEE 754 half precision, for browsers that have no `Float16Array` yet. */

/**
 * The 16 bits of the float16 nearest to `value`, ties to even. Overflow gives an infinity, as the
 * standard's rounding does.
 */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below the smallest normal number, 2⁻¹⁴, the step between neighbours no longer shrinks.
  const exponent = Math.max(-14, exponentOf(magnitude));
  const steps = roundHalfEven(magnitude * 2 ** (10 - exponent));
  // A carry out of the fraction runs into the exponent's bits, which is what is wanted.
  return sign | (((exponent + 14) << 10) + steps);
}

/** The value of a float16, given its bits. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** `floor(log2(value))`, exactly. Minus infinity for zero. */
function exponentOf(value: number): number {
  let exponent = Math.floor(Math.log2(value));
  if (2 ** exponent > value) exponent--;
  else if (2 ** (exponent + 1) <= value) exponent++;
  return exponent;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
