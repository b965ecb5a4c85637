/** What is remembered of workers and GPUs that were lost. */

/** Milliseconds before each further start of a worker that dies without an answer in between. */
const backOff = [0, 1000, 1000, 2000, 3000, 5000] as const;

/** A GPU that was lost, with or without its worker, so often within so many minutes is given up. */
const gpuPatience = { losses: 3, minutes: 10 } as const;

/** The losses of one deployment. */
export class Losses {
  /** Workers that died, or failed to start, since the last sign of health. */
  #count = 0;
  /** What the latest of them died of. */
  latest: unknown;
  /** When workers with a GPU were lost, by a clock in milliseconds. */
  readonly #ofGpu: number[] = [];

  get count(): number {
    return this.#count;
  }

  /** Milliseconds to wait before the next start; `undefined` when there were enough. */
  get delay(): number | undefined {
    return backOff[this.#count];
  }

  add(error: unknown): void {
    this.#count += 1;
    this.latest = error;
  }

  /** There was a sign of health. */
  forgive(): void {
    this.#count = 0;
  }

  addGpu(now: number): void {
    this.#ofGpu.push(now);
  }

  /** Whether the GPU was lost too often of late; and that in words. */
  gpuVerdict(now: number): { tooOften: boolean; words: string } {
    const { losses, minutes } = gpuPatience;
    const recent = this.#ofGpu.filter((time) => time > now - minutes * 60_000).length;
    if (recent < losses) return { tooOften: false, words: '' };
    const words = `the GPU was lost ${recent} times within ${minutes} minutes, the last time so: `;
    return { tooOften: true, words };
  }
}
