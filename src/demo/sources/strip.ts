/**
 * Small pictures to choose from: the user's own, newest first, then those that come with the page: drawings, and
 * photos for the model of photos. They are part of the script, so they cost no request.
 */
import type { Classification, ImageClassifier } from 'tabserve';
import { byId, element } from '../dom.js';
import { percent } from '../format.js';
import { t } from '../language.js';
import type { Picture, State } from '../state.js';

const drawings = import.meta.glob<string>('../samples/*/*.svg', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Not copyrighted: `samples/photos/README.md` says whose they are. */
const photos = import.meta.glob<string>('../samples/photos/*.webp', {
  query: '?inline',
  import: 'default',
  eager: true,
});

/** Drawings that the model of photos knows too. */
const drawnForPhotos = ['10-clock.svg'];

/** Each of one's own holds a decoded photograph. */
const ownAtMost = 12;

interface Sample {
  /** The model that it is meant for. */
  model: string;
  picture: Picture & { source: File };
}

const samples: readonly Sample[] = [
  ...Object.entries(photos).map(([path, url]) => sampleOf('photos', path, bytesOf(url))),
  ...Object.entries(drawings).flatMap(([path, svg]) => {
    const [model = '', file = ''] = path.split('/').slice(-2);
    const models = drawnForPhotos.includes(file) ? [model, 'photos'] : [model];
    return models.map((each) => sampleOf(each, file, svg));
  }),
];

/** @param path - Ends in its place, a hyphen, what it shows, and its type. */
function sampleOf(model: string, path: string, content: BlobPart): Sample {
  const [, shows = '', extension = ''] = /\d+-([^/]+)\.(\w+)$/.exec(path) ?? [];
  const name = shows.replaceAll('-', ' ');
  const type = extension === 'svg' ? 'image/svg+xml' : `image/${extension}`;
  const source = new File([content], `${name}.${extension}`, { type });
  return { model, picture: { name: t(name), source, origin: 'picture' } };
}

/** What a data URL holds. Its page may be forbidden to fetch one. */
function bytesOf(url: string): Uint8Array<ArrayBuffer> {
  const text = atob(url.slice(url.indexOf(',') + 1));
  const bytes = new Uint8Array(text.length);
  // Not by an iterator over the text: that takes three times as long.
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

interface Thumbnail {
  item: HTMLLIElement;
  text: HTMLElement;
  objectUrl: string;
}

export class Strip {
  readonly #state: State;
  readonly #list = byId('strip', HTMLElement);
  readonly #chosen: (picture: Picture) => void;
  readonly #own = new Map<Picture, Thumbnail>();
  #samples: Thumbnail[] = [];
  #samplesModel: string | null = null;

  constructor(state: State, chosen: (picture: Picture) => void) {
    this.#state = state;
    this.#chosen = chosen;
    state.settings.subscribe((settings) => this.#offerSamples(settings?.model.key));
    state.answer.subscribe((answer) => {
      if (answer.kind === 'scores') this.#caption(answer.picture, answer.scores[0]);
    });
    // An answer of another model would stand under the wrong heading.
    state.classifier.subscribe(() => {
      for (const [picture, { text }] of this.#own) text.textContent = picture.name;
    });
  }

  /** Puts one of the user's pictures in front. */
  add(picture: Picture): void {
    if (!(picture.source instanceof File) || this.#own.has(picture)) return;
    if (samples.some((sample) => sample.picture === picture)) return;
    const thumbnail = this.#thumbnail(picture, picture.source);
    this.#own.set(picture, thumbnail);
    this.#list.prepend(thumbnail.item);
    this.#list.scrollLeft = 0;
    for (const [oldest, { item, objectUrl }] of this.#own) {
      if (this.#own.size <= ownAtMost) break;
      this.#own.delete(oldest);
      item.remove();
      URL.revokeObjectURL(objectUrl);
    }
  }

  /** Asks about pictures that nobody looks at yet, one after the other, for the sake of captions. */
  async label(
    pictures: readonly Picture[],
    classifier: ImageClassifier,
    answered: (picture: Picture, scores: readonly Classification[]) => void,
  ): Promise<void> {
    for (const picture of pictures) {
      if (this.#state.classifier.current !== classifier) return;
      if (picture.source instanceof HTMLVideoElement) continue;
      try {
        const scores = await classifier.classify(picture.source, { topK: 5 });
        this.#caption(picture, scores[0]);
        answered(picture, scores);
      } catch {
        answered(picture, []);
        const thumbnail = this.#own.get(picture);
        if (thumbnail) thumbnail.text.textContent = t('no answer');
      }
    }
  }

  #caption(picture: Picture, best: { label: string; score: number } | undefined): void {
    const thumbnail = this.#own.get(picture);
    if (thumbnail && best) thumbnail.text.textContent = `${best.label} ${percent(best.score)}`;
  }

  /** The samples that suit the model in use; for a model of one's own, the drawings of everyday things. */
  #offerSamples(key = 'photos'): void {
    const model = samples.some((sample) => sample.model === key) ? key : 'everyday';
    if (model === this.#samplesModel) return;
    this.#samplesModel = model;
    for (const { item, objectUrl } of this.#samples) {
      item.remove();
      URL.revokeObjectURL(objectUrl);
    }
    this.#samples = samples
      .filter((sample) => sample.model === model)
      .map(({ picture }) => this.#thumbnail(picture, picture.source));
    this.#list.append(...this.#samples.map(({ item }) => item));
  }

  #thumbnail(picture: Picture, file: File): Thumbnail {
    const objectUrl = URL.createObjectURL(file);
    const image = element('img');
    image.src = objectUrl;
    image.alt = '';
    image.width = 64;
    image.height = 64;
    image.draggable = false;
    const text = element('span', { text: picture.name });
    const button = element('button', { class: 'sample' }, image, text);
    button.type = 'button';
    button.title = picture.name;
    button.addEventListener('click', () => this.#chosen(picture));
    return { item: element('li', {}, button), text, objectUrl };
  }
}
