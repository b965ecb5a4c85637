/** What a deployment needs beside its first answer, or only when it has been serving for a while. Loaded on demand. */
export { ExtraWorkers } from './extra-workers.js';
export { checkServing, tryRival } from './rivals.js';
