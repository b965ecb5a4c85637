/** What monitors are told of the requests to a server. */
import type { Executed } from '../execution.js';
import type { Question } from '../servable.js';
import { DriftMonitor, type DriftOptions, type Observation } from './monitor.js';

/** Options of `ModelServer.watchDrift()`. */
export interface WatchDriftOptions extends DriftOptions {
  /**
   * Whether the brightness of pictures is watched too, 0…1: each is then decoded once more, small and
   * beside the request. @default false
   */
  brightness?: boolean;
}

interface Watched {
  monitor: DriftMonitor;
  brightness: boolean;
  /** Observations come in the order of the requests, though brightness takes time. */
  turn: Promise<void>;
}

/** The monitors of a server, by the names of models. */
export class DriftWatch {
  readonly #watched = new Map<string, Watched>();

  /** Watches a model, from the beginning if it was watched already. */
  watch(name: string, { brightness = false, ...options }: WatchDriftOptions): DriftMonitor {
    const monitor = new DriftMonitor(options);
    this.#watched.set(name, { monitor, brightness, turn: Promise.resolve() });
    return monitor;
  }

  unwatch(name: string): void {
    this.#watched.delete(name);
  }

  /** The monitor of a model; `null` if it is not watched. */
  find(name: string): DriftMonitor | null {
    return this.#watched.get(name)?.monitor ?? null;
  }

  /** A model has answered, or failed to, which says nothing. */
  executed({ version, error, answer, question }: Executed): void {
    const watched = this.#watched.get(version.name);
    if (!watched || error) return;
    const { monitor, brightness } = watched;
    const seen = observationOf(answer, question);
    // What cannot be measured is not watched in this request. Its failure may come before its turn.
    const bright =
      brightness && question?.kind === 'image'
        ? brightnessOf(question.blob).catch(() => undefined)
        : undefined;
    watched.turn = watched.turn.then(async () => {
      const value = await bright;
      const numbers = { ...seen.numbers, ...(value !== undefined && { brightness: value }) };
      monitor.observe({ ...seen, numbers });
    });
  }
}

interface Labelled {
  label: string;
  score: number;
}

/** What of an answer, and of its question, can be compared with others. */
export function observationOf(answer: unknown, question: Question | undefined): Observation {
  const isFile = question && 'blob' in question;
  const size = isFile ? { bytes: question.bytes?.length ?? question.blob.size } : {};
  if (answer instanceof Float32Array) return { numbers: size, embedding: answer };
  if (!Array.isArray(answer) || !isLabelled(answer[0])) return { numbers: size };
  const [best, second] = answer as Labelled[];
  const { label, score } = best as Labelled;
  return { numbers: { ...size, score, margin: score - (second?.score ?? 0) }, label };
}

function isLabelled(value: unknown): value is Labelled {
  return typeof value === 'object' && value !== null && 'label' in value && 'score' in value;
}

/** The mean of a picture's luma (ITU-R BT.601), 0…1, of 16 × 16 pixels of it. */
async function brightnessOf(blob: Blob): Promise<number> {
  const side = 16;
  const bitmap = await createImageBitmap(blob, {
    resizeWidth: side,
    resizeHeight: side,
    resizeQuality: 'medium',
  });
  const context = new OffscreenCanvas(side, side).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('There is no 2d context.');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, side, side);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0] = data.subarray(i, i + 3);
    sum += 0.299 * red + 0.587 * green + 0.114 * blue;
  }
  return sum / (255 * side * side);
}
