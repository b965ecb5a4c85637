/** Shows the picture that the answer is about, and the best answer under it. */
import { byId } from '../dom.js';
import { percent } from '../format.js';
import type { State } from '../state.js';

const captions = {
  picture: 'picture-best',
  camera: 'camera-best',
  pad: 'pad-best',
} as const;

export class Stage {
  readonly #image = byId('preview', HTMLImageElement);
  readonly #empty = byId('mat-empty', HTMLElement);
  readonly #broken = byId('mat-broken', HTMLElement);
  readonly #name = byId('picture-name', HTMLElement);
  #objectUrl: string | null = null;

  constructor(state: State) {
    // On a phone the list of answers is below the fold: the caption says the best one.
    state.answer.subscribe((answer) => {
      if (answer.kind === 'waiting') return;
      for (const [origin, id] of Object.entries(captions)) {
        const best =
          answer.kind === 'scores' && answer.picture.origin === origin
            ? answer.scores[0]
            : undefined;
        byId(id, HTMLElement).textContent = best ? `${best.label} ${percent(best.score)}` : '';
      }
    });
    this.#image.addEventListener('error', () => {
      this.#image.hidden = true;
      this.#broken.hidden = false;
    });
  }

  show(source: Blob | string, name: string): void {
    if (this.#objectUrl !== null) URL.revokeObjectURL(this.#objectUrl);
    this.#objectUrl = typeof source === 'string' ? null : URL.createObjectURL(source);
    this.#empty.hidden = true;
    this.#broken.hidden = true;
    this.#image.hidden = false;
    this.#image.src = this.#objectUrl ?? String(source);
    this.#image.alt = name;
    this.#name.textContent = name;
    this.#name.title = name;
  }
}
