/** What a page needs for sounds. Loaded on demand: `dist/parts/audio.js` beside the script tag's build. */
export { captureAudio } from './capture.js';
export { StreamFollower } from './stream-follower.js';
