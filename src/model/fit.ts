/** Shapes of outputs, as far as they tell classes. */

/** How many numbers an output holds for one picture; `null` where it does not tell. */
export function classCount(shape: readonly (number | string)[]): number | null {
  const sizes = shape.length > 1 ? shape.slice(1) : shape;
  if (sizes.length === 0) return null;
  let count = 1;
  for (const size of sizes) {
    if (typeof size === 'string') return null;
    count *= size;
  }
  return count;
}

/** One number stands for a label and, where there are two, for its opposite too. */
export function fitsLabels(classes: number, labels: number): boolean {
  return classes === labels || (classes === 1 && labels === 2);
}
