/** Speaks to screen readers, seldom enough to be listened to. */
import { byId } from '../dom.js';

/** A camera's answers change with every frame; a listener can follow one every two seconds. */
const pause = 2000;

let last = '';
let lastAt = Number.NEGATIVE_INFINITY;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says `text` when the last announcement has had its time. Of several waiting, the last counts. */
export function announce(text: string): void {
  clearTimeout(timer);
  if (text === last) return;
  const wait = Math.max(0, lastAt + pause - performance.now());
  timer = setTimeout(() => {
    last = text;
    lastAt = performance.now();
    byId('announcer', HTMLElement).textContent = text;
  }, wait);
}
