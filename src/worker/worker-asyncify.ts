import * as ort from 'onnxruntime-web/webgpu';
import { imagesOnGpu } from '../input/image/webgpu-prepare.js';
import { serveWorker } from '../runtime/worker.js';
import { openTasks } from './open-tasks.js';

// A thread of the engine's own pool starts from this same script and must not run the rest of it.
if (!self.name.startsWith('em-pthread')) {
  serveWorker({ ort }, 'asyncify', (packs) => openTasks({ images: imagesOnGpu }, packs));
}
