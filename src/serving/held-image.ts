/** A request's picture: taken at the right moment, and sent again when its worker was lost. */
import { TabserveError } from '../base/errors.js';
import { capture, type ImageSource } from '../input/image/capture.js';
import type { CapturedImage } from '../input/image/types.js';

/** Bytes of pictures that may be held for waiting requests, over all classifiers of the page. */
const heldBytesLimit = 2 ** 28;

/** Sources that can be captured later, or once more: by the tag of their class. */
const lasting = ['Blob', 'File', 'URL', 'String', 'HTMLImageElement', 'SVGImageElement'];

let heldBytes = 0;

/**
 * The picture of one request.
 *
 * What lasts (a file, an address, an `<img>`) is captured each time that it is sent: ten thousand
 * waiting photos hold no pixels. What can change or vanish (a canvas, a video, pixels, bytes, a
 * bitmap) is captured once, and kept until the answer for a second attempt.
 */
export class HeldImage {
  readonly #source: ImageSource;
  readonly #isLasting: boolean;
  #held: Promise<CapturedImage> | undefined;
  #bytes = 0;
  #isSpent = false;

  /**
   * @param now - Captures what can change at once; otherwise everything is captured when it is
   *   first sent, and the source has to stay as it is until then.
   * @throws TabserveError `queue-full` when too much is held already.
   */
  constructor(source: ImageSource, now: boolean) {
    this.#source = source;
    this.#isLasting = lasting.includes(Object.prototype.toString.call(source).slice(8, -1));
    if (!now || this.#isLasting) return;
    if (heldBytes >= heldBytesLimit) {
      throw new TabserveError(
        'queue-full',
        `Waiting pictures hold ${heldBytes} bytes already. Await answers before asking more, or pass an array, of which few are held at a time.`,
        { details: { heldBytes, limit: heldBytesLimit } },
      );
    }
    this.#hold();
  }

  /** Whether there is nothing left to send: the picture was handed over, and had no copy. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /**
   * The picture, to be transferred to a worker.
   *
   * @param again - Whether it may be needed once more.
   * @throws TabserveError as `capture()`.
   */
  async take(again: boolean): Promise<CapturedImage> {
    if (this.#isLasting) return capture(this.#source);
    const image = await (this.#held ?? this.#hold());
    if (image.kind === 'blob' || image.kind === 'url') return image;
    if (again && image.kind === 'frame') return { kind: 'frame', frame: image.frame.clone() };
    if (again && image.kind === 'pixels') {
      const { data, width, height } = image.pixels;
      return capture(new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height));
    }
    this.#isSpent = true;
    return image;
  }

  /** Frees what is held. */
  release(): void {
    this.#isSpent = true;
    this.#count(0);
    this.#held?.then(close, () => undefined);
    this.#held = undefined;
  }

  #hold(): Promise<CapturedImage> {
    this.#held = capture(this.#source).then((captured) => {
      const image = asFrame(captured);
      if (this.#isSpent) close(image);
      else this.#count(sizeOf(image));
      return image;
    });
    // Reported when the picture is taken.
    this.#held.catch(() => undefined);
    return this.#held;
  }

  #count(bytes: number): void {
    heldBytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}

/**
 * A bitmap as a frame, where this browser can: frames are copied in no time, while a bitmap that
 * has a copy costs the page tens of milliseconds to transfer.
 */
function asFrame(image: CapturedImage): CapturedImage {
  if (image.kind !== 'bitmap' || typeof VideoFrame !== 'function') return image;
  try {
    const frame = new VideoFrame(image.bitmap, { timestamp: 0 });
    image.bitmap.close();
    return { kind: 'frame', frame };
  } catch {
    return image;
  }
}

function sizeOf(image: CapturedImage): number {
  switch (image.kind) {
    case 'blob':
      return image.blob.size;
    case 'url':
      return 0;
    case 'bitmap':
      return 4 * image.bitmap.width * image.bitmap.height;
    case 'frame':
      return 4 * image.frame.codedWidth * image.frame.codedHeight;
    case 'pixels':
      return image.pixels.data.byteLength;
  }
}

function close(image: CapturedImage): void {
  if (image.kind === 'bitmap') image.bitmap.close();
  if (image.kind === 'frame') image.frame.close();
}
