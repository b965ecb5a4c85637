/** How alike pictures are, by the embedded model: no other one is needed, and no network. */
import { ImageEmbedder, isTabserveError, similarity } from 'tabserve';
import { byId, element } from '../dom.js';
import { percent } from '../format.js';
import { t } from '../language.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import type { Kind } from './kinds.js';

interface Compared {
  name: string;
  url: string;
  vector: Float32Array;
}

/** More than these are hard to look through, and harder to draw. */
const mostPictures = 60;

export class Compare implements Kind {
  readonly #alerts: Alerts;
  readonly #pictures: Compared[] = [];
  #embedder: Promise<ImageEmbedder> | undefined;
  #chosen: Compared | undefined;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    const file = byId('compare-file', HTMLInputElement);
    byId('compare-choose', HTMLButtonElement).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const files = [...(file.files ?? [])];
      file.value = '';
      void this.#add(files);
    });
    byId('compare-clear', HTMLButtonElement).addEventListener('click', () => {
      for (const { url } of this.#pictures.splice(0)) URL.revokeObjectURL(url);
      this.#chosen = undefined;
      this.#show();
    });
    this.#show();
  }

  open(): void {
    this.#load().catch(() => undefined);
  }

  close(): void {}

  take(incoming: Incoming): void {
    if (incoming.kind === 'pictures') void this.#add(incoming.files);
    else this.#alerts.tell(t('Nothing to compare'), t('Drop two pictures or more.'));
  }

  #load(): Promise<ImageEmbedder> {
    const loading = this.#embedder ?? ImageEmbedder.create();
    this.#embedder = loading;
    loading.catch(() => {
      if (this.#embedder === loading) this.#embedder = undefined;
    });
    return loading;
  }

  async #add(files: readonly File[]): Promise<void> {
    const room = mostPictures - this.#pictures.length;
    if (files.length > room) {
      this.#alerts.tell(
        t('Too many pictures'),
        t('Only the first {1} pictures are compared.', mostPictures),
      );
    }
    for (const file of files.slice(0, room)) {
      try {
        const embedder = await this.#load();
        const vector = await embedder.embed(file, { normalize: true });
        const added = { name: file.name, url: URL.createObjectURL(file), vector };
        this.#pictures.push(added);
        this.#chosen ??= added;
        this.#show();
      } catch (error) {
        if (isTabserveError(error, 'destroyed')) return;
        this.#alerts.show(error, { title: t('“{1}” could not be compared', file.name) });
      }
    }
  }

  /** The chosen picture first, then the others, the most alike first. */
  #show(): void {
    const grid = byId('compare-grid', HTMLUListElement);
    const chosen = this.#chosen;
    const summary = byId('compare-summary', HTMLElement);
    byId('compare-hint', HTMLElement).hidden = this.#pictures.length > 0;
    if (!chosen) {
      summary.textContent = t(
        'Two pictures of the same thing come out alike, whatever their size.',
      );
      grid.replaceChildren();
      return;
    }
    const ranked = this.#pictures
      .map((picture) => ({ picture, likeness: similarity(chosen.vector, picture.vector) }))
      .sort((a, b) => b.likeness - a.likeness);
    const [, next] = ranked;
    summary.textContent = next
      ? t(
          'Most like “{1}”: “{2}”, {3} alike.',
          chosen.name,
          next.picture.name,
          percent(next.likeness),
        )
      : t('Add another picture to compare it with.');
    grid.replaceChildren(
      ...ranked.map(({ picture, likeness }) => {
        const image = element('img', { class: 'compared-picture' });
        image.src = picture.url;
        image.alt = '';
        const isChosen = picture === chosen;
        const button = element(
          'button',
          { class: 'sample compared' },
          image,
          element('span', { text: picture.name }),
          element('strong', { text: isChosen ? t('this one') : percent(likeness) }),
        );
        button.type = 'button';
        button.setAttribute('aria-pressed', String(isChosen));
        button.addEventListener('click', () => {
          this.#chosen = picture;
          this.#show();
        });
        return element('li', {}, button);
      }),
    );
  }
}
