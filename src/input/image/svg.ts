/** The page's side: turning SVG files into pixels, which no worker can. */
import { asTabserveError } from '../../base/errors.js';

/** The shorter side of an SVG picture that has no size of its own, in pixels. */
const shorterSide = 512;

/** Larger ones are drawn with fewer pixels, which is quick and loses nothing a classifier sees. */
const mostPixels = 2048 * 2048;

/**
 * Draws an SVG file, in its own size, or by the proportions of its `viewBox` where it has none.
 *
 * It is drawn as an `<img>` shows it: no scripts, no network, no fonts or pictures from outside.
 * A Content-Security-Policy has to allow `img-src blob:`.
 *
 * @param options - `maxPixels`: it is shrunk until it has no more.
 * @throws TabserveError `image-undecodable`.
 */
export async function rasteriseSvg(
  svg: Blob,
  options: { maxPixels?: number } = {},
): Promise<ImageBitmap> {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    image.src = url;
    await image.decode();
    return await bitmapOfSvg(image, options.maxPixels);
  } catch (error) {
    throw asTabserveError(
      error,
      'image-undecodable',
      'The SVG file cannot be drawn: it is damaged, or "img-src" of the Content-Security-Policy does not allow blob:.',
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * A loaded `<img>` of an SVG file as pixels, sized as {@link rasteriseSvg} says.
 *
 * @throws DOMException `InvalidStateError` when it has no picture.
 */
export async function bitmapOfSvg(
  image: HTMLImageElement,
  maxPixels = mostPixels,
): Promise<ImageBitmap> {
  const { naturalWidth: width, naturalHeight: height } = image;
  const fit = Math.sqrt(Math.min(mostPixels, maxPixels) / (width * height));
  if (fit < 1) return draw(image, fit);
  return createImageBitmap(image).catch(async () => {
    // Only of SVG without a size of its own does the platform refuse the one and grant the other.
    (await createImageBitmap(image, { resizeWidth: 1, resizeHeight: 1 })).close();
    return draw(image, Math.min(fit, shorterSide / Math.min(width, height)));
  });
}

/** Through a canvas, because `createImageBitmap` fails or gives a blank here in Chromium. */
function draw(image: HTMLImageElement, scale: number): Promise<ImageBitmap> {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.floor(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.floor(image.naturalHeight * scale));
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return createImageBitmap(canvas);
}
