/** What a classic script gives: `tabserve`, in a worker too, and the element `<tabserve-classifier>`. */
import { TabserveClassifierElement } from './element/element.js';
import * as api from './index.js';
import { scriptUrl } from './wire/package-files.global.js';

const tabserve = Object.freeze({ ...api, TabserveClassifierElement, scriptUrl });

declare global {
  interface Window {
    tabserve?: typeof tabserve;
  }
}

// Classic workers have no window.
const scope = globalThis as typeof globalThis & Pick<Window, 'tabserve'>;
const earlier = scope.tabserve;
if (!earlier) {
  scope.tabserve = tabserve;
} else if (earlier.version !== api.version) {
  // Reported and not thrown, which the browser would hide from the page for a cross-origin script.
  reportError(
    new api.TabserveError(
      'unsupported',
      `tabserve ${api.version} (${scriptUrl}) was loaded on a page that has tabserve ${earlier.version} (${earlier.scriptUrl}) already, which stays in use. Remove one of the script tags; modules of several versions live side by side.`,
      { details: { url: scriptUrl, earlierUrl: earlier.scriptUrl } },
    ),
  );
}
