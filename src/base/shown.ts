/**
 * A value, as messages show it: as JSON, but for the numbers and other things that JSON has no word for.
 *
 * @param value - Anything, a caller's mistake most likely.
 * @param length - At most so many characters.
 */
export function shown(value: unknown, length = 200): string {
  const word = (each: unknown) =>
    typeof each === 'bigint'
      ? `${each}n`
      : typeof each === 'number' && !Number.isFinite(each)
        ? `${each}`
        : undefined;
  const whole = word(value);
  if (whole !== undefined) return whole;
  try {
    const text = JSON.stringify(value, (_key, each: unknown) => word(each) ?? each);
    return (text ?? String(value)).slice(0, length);
  } catch {
    // It goes round in a circle.
    return Object.prototype.toString.call(value);
  }
}
