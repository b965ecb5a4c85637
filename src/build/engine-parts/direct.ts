/** The engine's binary with tabserve's kernel for depthwise convolutions in it. */
import openWabt from 'wabt';
import { type Convolution, others, outputsOf, usual } from './convolutions.js';
import { depthwiseKernel } from './depthwise.js';
import { preceded } from './split.js';

/** The kernel's module, assembled. */
export async function assembledKernel(): Promise<Uint8Array> {
  const wabt = await openWabt();
  const parsed = wabt.parseWat('depthwise.wat', depthwiseKernel());
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return buffer;
}

/**
 * Puts the kernel before a function, and compares what the engine then computes with what it computes
 * without: bit for bit, on convolutions of which the kernel has to take the usual ones, and not others.
 *
 * @param convolve - MLAS's function for one segment of one group, by its number among those that are
 *   defined in the binary.
 * @throws Error where the outputs differ, or the kernel is not called.
 */
export async function withDirectKernel(
  binary: Uint8Array,
  convolve: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const kernel = await assembledKernel();
  const linked = preceded(binary, convolve, kernel);
  const all = [...usual, ...others];
  const right = await outputsOf(binary, all, 1);
  const check = (what: string, found: readonly string[], convolutions: readonly Convolution[]) => {
    const at = convolutions.findIndex((_, index) => found[index] !== right[index]);
    if (at < 0) return;
    throw new Error(`${what} computes another ${JSON.stringify(convolutions[at])}.`);
  };
  // Here nothing but the kernel can compute them, and what it does not take traps.
  const alone = preceded(binary, convolve, kernel, 'trap');
  check('The kernel', await outputsOf(alone, usual, 1), usual);
  const trapped = await outputsOf(alone, others.slice(0, 1), 1).catch(String);
  if (!trapped.includes('unreachable'))
    throw new Error('The kernel is not where convolutions are.');
  check('The engine with the kernel', await outputsOf(linked, all, 1), all);
  return linked;
}
