/** Tasks of pictures other than classification. */
import { imageEmbedding } from '../../tasks/image-embedding/worker.js';
import type { Pack } from '../../tasks/pack.js';

const pack: Pack = ({ images }) => [imageEmbedding(images)];

export default pack;
