/** What many pictures one after the other need; loaded after the first answer, or by the first such call. */
export { inLanes } from './lanes.js';
export { settleAll } from './settle.js';
export { watchVideo } from './watch.js';
