/** The class `ImageBitmap`, which Node lacks and whose name the worker's checks need. */
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

Object.assign(globalThis, { ImageBitmap: TestBitmap });
