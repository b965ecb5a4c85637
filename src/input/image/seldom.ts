/** What sources need that few pages have; loaded beside the model, or by the first such source. */
export { bitmapOfFrame, captureImage } from './element.js';
export { captureResponse } from './response.js';
export { rasteriseSvg } from './svg.js';
