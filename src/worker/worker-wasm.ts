import * as ort from 'onnxruntime-web/wasm';
import { imagesOnCpu } from '../input/image/prepare.js';
import { listenForRest } from '../runtime/engine-parts.js';
import { serveWorker } from '../runtime/worker.js';
import { openTasks } from './open-tasks.js';

// A thread of the engine's own pool starts from this same script and must not run the rest of it.
if (!self.name.startsWith('em-pthread')) {
  serveWorker({ ort }, 'wasm', (packs) => openTasks({ images: imagesOnCpu }, packs));
} else {
  listenForRest();
}
