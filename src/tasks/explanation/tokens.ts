/** Texts as the network takes them, with a token left out. */
import type { Tensor, Tensors } from '../../base/tensor.js';
import type { TextInput } from '../../input/text/types.js';

/**
 * The network's inputs without one token: those behind it move up. Where the network takes one number
 * of tokens only, it is filled up at the end.
 *
 * @param place - In the network's input.
 */
export function withoutToken(
  feeds: Tensors,
  place: number,
  { isFixed, padId }: { isFixed: boolean; padId: number },
  { ids, positionIds }: TextInput,
): Tensors {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      // Places stay what they are: the last of them is left out.
      const at = name === positionIds ? tensor.data.length - 1 : place;
      return [name, shortened(tensor, at, isFixed ? (name === ids ? padId : 0) : null)];
    }),
  );
}

/** @param fill - What comes to the end; `null` for nothing. */
function shortened({ type, dims, data }: Tensor, place: number, fill: number | null): Tensor {
  const numbers = data as Int32Array | BigInt64Array;
  const isWide = numbers instanceof BigInt64Array;
  const kept = Array.from(numbers as ArrayLike<number | bigint>).filter((_, at) => at !== place);
  if (fill !== null) kept.push(isWide ? BigInt(fill) : fill);
  return {
    type,
    dims: [...dims.slice(0, -1), kept.length],
    data: isWide ? BigInt64Array.from(kept as bigint[]) : Int32Array.from(kept as number[]),
  };
}
