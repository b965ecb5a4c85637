/** Which of two ways is faster for pictures of a kind, found out with the pictures that come. */
import type { CapturedImage, PreprocessingReport } from './types.js';

/** Pictures of each way that are timed, after one that is not: the GPU's first one waits for shaders. */
const timed = 4;

/** The GPU has to need at most this share of the CPU's time. */
const worthwhile = 0.9;

/** Pictures that the GPU may leave to the CPU before it is not asked any more. */
const mostRefusals = 2;

type Way = PreprocessingReport['device'];

/** What is known of one kind. */
interface Known {
  times: Record<Way, number[]>;
  refusals: number;
  verdict: PreprocessingReport | undefined;
}

/** Decides between CPU and GPU for each kind of picture. */
export class WayTrial {
  /** The latest verdict. */
  report: PreprocessingReport = {
    device: 'cpu',
    reason: 'the GPU is tried with the first pictures of each kind',
  };
  readonly #kinds = new Map<string, Known>();

  /** What is to preprocess the next picture of a kind, and why. */
  next(kind: string): PreprocessingReport {
    const { times, verdict } = this.#of(kind);
    if (verdict) return verdict;
    const device = times.cpu.length <= timed ? 'cpu' : 'gpu';
    return { device, reason: `both are tried with ${kind}` };
  }

  /**
   * A picture was answered.
   *
   * @param asked - What was to preprocess it.
   * @param found - What did.
   * @param milliseconds - From decoding to the network's outputs.
   */
  note(kind: string, asked: Way, found: PreprocessingReport, milliseconds: number): void {
    const known = this.#of(kind);
    if (known.verdict) return;
    const { times } = known;
    if (asked === found.device) times[asked].push(milliseconds);
    else known.refusals += 1;
    if (known.refusals >= mostRefusals) {
      this.report = { device: 'cpu', reason: `the GPU leaves ${kind} to the CPU: ${found.reason}` };
      known.verdict = this.report;
    } else if (times.gpu.length > timed) {
      const [cpu, gpu] = [median(times.cpu.slice(1)), median(times.gpu.slice(1))];
      const device = gpu <= worthwhile * cpu ? 'gpu' : 'cpu';
      const both = `${cpu.toFixed(1)} ms on the CPU, ${gpu.toFixed(1)} ms on the GPU`;
      this.report = { device, reason: `measured with ${kind}, from decoding to answer: ${both}` };
      known.verdict = this.report;
    }
  }

  #of(kind: string): Known {
    const known = this.#kinds.get(kind) ?? {
      times: { cpu: [], gpu: [] },
      refusals: 0,
      verdict: undefined,
    };
    this.#kinds.set(kind, known);
    return known;
  }
}

/** The kinds of pictures that take different ways to the pixels, in words. */
export function kindOf(image: CapturedImage): string {
  switch (image.kind) {
    case 'blob':
      return image.blob.type === 'image/jpeg' ? 'JPEG files' : 'other files';
    case 'bytes':
      return isJpeg(image.bytes) ? 'JPEG files' : 'other files';
    case 'url':
      return 'addresses';
    case 'bitmap':
      return 'bitmaps';
    case 'frame':
      return 'video frames';
    case 'pixels':
      return 'plain pixels';
  }
}

function isJpeg(bytes: ArrayBuffer): boolean {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  return first === 0xff && second === 0xd8;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
