/** What sources need that few pages have; loaded after the first answer, or by the first such source. */
export { captureResponse } from './response.js';
export { bitmapOfSvg, rasteriseSvg } from './svg.js';
