/** A stream of pictures: the page's drawings or one's own, each time a little different. */
const drawings = import.meta.glob<string>('../samples/everyday/*.svg', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** What has happened to the camera. */
export type Weather = 'usual' | 'dark' | 'blurred' | 'noisy';

export const weathers: readonly Weather[] = ['usual', 'dark', 'blurred', 'noisy'];

/** Pixels of a picture's side. */
const side = 256;

const filters: Readonly<Record<Weather, string>> = {
  usual: 'none',
  dark: 'brightness(0.3)',
  blurred: 'blur(5px)',
  noisy: 'none',
};

export class DriftPictures {
  /** Shows the latest one. */
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #sources: readonly CanvasImageSource[] = [];

  constructor(canvas: HTMLCanvasElement) {
    this.canvas = canvas;
    canvas.width = side;
    canvas.height = side;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('There is no 2d context.');
    this.#context = context;
  }

  /** @param files - What is drawn from now on, those that can be. @default the page's drawings */
  async use(files: readonly Blob[] = []): Promise<void> {
    const own = await Promise.allSettled(files.map((file) => createImageBitmap(file)));
    const bitmaps = own.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    if (bitmaps.length > 0) this.#sources = bitmaps;
    else if (this.#sources.length === 0)
      this.#sources = await Promise.all(Object.values(drawings).map(drawn));
  }

  /** The next picture, as a JPEG file. */
  async next(weather: Weather): Promise<Blob> {
    const source = this.#sources[Math.floor(Math.random() * this.#sources.length)];
    const context = this.#context;
    const jitter = (size: number) => (Math.random() - 0.5) * size;
    context.save();
    context.fillStyle = `hsl(${Math.random() * 360} 30% ${60 + jitter(30)}%)`;
    context.filter = filters[weather];
    context.fillRect(-8, -8, side + 16, side + 16);
    context.translate(side / 2 + jitter(30), side / 2 + jitter(30));
    context.rotate(jitter(0.4));
    const scale = 1 + jitter(0.4);
    context.scale(scale, scale);
    if (source) context.drawImage(source, -side / 2, -side / 2, side, side);
    context.restore();
    if (weather === 'noisy') this.#addNoise(90);
    return new Promise((resolve, reject) => {
      this.canvas.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error('The canvas has no pixels.'))),
        'image/jpeg',
        0.85,
      );
    });
  }

  #addNoise(strength: number): void {
    const pixels = this.#context.getImageData(0, 0, side, side);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const noise = (Math.random() - 0.5) * strength;
      for (let channel = 0; channel < 3; channel++)
        pixels.data[i + channel] = (pixels.data[i + channel] as number) + noise;
    }
    this.#context.putImageData(pixels, 0, 0);
  }
}

async function drawn(svg: string): Promise<HTMLImageElement> {
  const image = new Image(side, side);
  image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  await image.decode();
  return image;
}
