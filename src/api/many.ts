/** What many pictures one after the other need; loaded after the first answer, or by the first such call. */
export { FrameFollower } from '../input/image/frame-follower.js';
export { settleAll } from './settle.js';
