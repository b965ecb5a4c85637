/** The classes of pictures that Node lacks, without what draws and decodes them. */
export class TestBitmap {
  isClosed = false;

  constructor(
    public width: number,
    public height: number,
  ) {}

  get [Symbol.toStringTag](): string {
    return 'ImageBitmap';
  }

  close(): void {
    this.isClosed = true;
    this.width = 0;
    this.height = 0;
  }
}

/** Pixels of a canvas. */
export class TestImageData {
  readonly colorSpace = 'srgb';

  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}

  get [Symbol.toStringTag](): string {
    return 'ImageData';
  }
}

Object.assign(globalThis, { ImageBitmap: TestBitmap, ImageData: TestImageData });
