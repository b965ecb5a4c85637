/** Tasks of pictures other than classification. */
import { imageEmbedding } from '../../tasks/image-embedding/worker.js';
import { imageSegmentation } from '../../tasks/image-segmentation/worker.js';
import { objectDetection } from '../../tasks/object-detection/worker.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = ({ images }) => [
  imageEmbedding(images),
  objectDetection(images),
  imageSegmentation(images),
];

export default pack;
