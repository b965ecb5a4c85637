import * as ort from 'onnxruntime-web/webgpu';
import { choosePreparer } from './gpu-prepare.js';
import { serveWorker } from './worker.js';

// A thread of the engine's own pool starts from this same script and must not run the rest of it.
if (!self.name.startsWith('em-pthread')) serveWorker({ ort, choosePreparer }, 'asyncify');
