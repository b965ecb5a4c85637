/** Takes answers away: the one on the page as a picture, all of this visit for spreadsheets and programs. */
import type { Classification } from 'tabserve';
import { byId, element } from '../dom.js';
import { percent } from '../format.js';
import { t } from '../language.js';
import type { Picture, State } from '../state.js';
import type { Alerts } from './alerts.js';
import { type Answered, csvOf, drawAnswers, jsonOf } from './answer-files.js';

/** More than these are not kept: a camera asks all the time. */
const mostKept = 10_000;

export class Save {
  readonly #state: State;
  /** By picture: who asks again gets one line, the newest. */
  readonly #answered = new Map<Picture, Answered>();
  readonly #buttons: readonly HTMLButtonElement[];

  constructor(state: State, alerts: Alerts) {
    this.#state = state;
    const button = (id: string, save: () => Promise<void> | void): HTMLButtonElement => {
      const made = byId(id, HTMLButtonElement);
      made.addEventListener('click', async () => {
        try {
          await save();
        } catch (error) {
          alerts.show(error, { title: t('The answers could not be saved') });
        }
      });
      return made;
    };
    const picture = button('save-picture', () => this.#savePicture());
    if (shares(new File([''], 'a.png', { type: 'image/png' }))) {
      picture.textContent = t('Share as a picture');
    }
    this.#buttons = [
      picture,
      button('save-csv', () => this.#saveAll('csv', csvOf, 'text/csv')),
      button('save-json', () => this.#saveAll('json', jsonOf, 'application/json')),
    ];
    state.answer.subscribe((answer) => {
      if (answer.kind === 'scores') this.note(answer.picture, answer.scores);
      if (answer.kind === 'failed') this.note(answer.picture, []);
      const [picture, ...all] = this.#buttons;
      if (picture) picture.disabled = answer.kind !== 'scores' || answer.scores.length === 0;
      for (const each of all) each.disabled = this.#answered.size === 0;
    });
  }

  /** Keeps an answer, also of a picture among many that is not on the page. None is one that failed. */
  note(picture: Picture, answers: readonly Classification[]): void {
    const model = this.#state.classifier.current?.info.model;
    // Frames of a camera and strokes are not pictures that somebody asks about.
    if (!model || picture.origin !== 'picture' || this.#answered.size >= mostKept) return;
    this.#answered.set(picture, {
      picture: picture.name,
      model: `${model.name} ${model.version}`,
      answers: answers.map(({ label, score }) => ({ label, score })),
    });
    for (const each of this.#buttons.slice(1)) each.disabled = false;
  }

  #saveAll(ending: string, write: (answered: Answered[]) => string, type: string): void {
    const blob = new Blob([write([...this.#answered.values()])], { type });
    download(new File([blob], `answers.${ending}`, { type }));
  }

  async #savePicture(): Promise<void> {
    const answer = this.#state.answer.current;
    const model = this.#state.classifier.current?.info.model;
    if (answer.kind !== 'scores' || !model) return;
    const { picture, scores } = answer;
    const lines = scores.map(({ label, score }) => ({ label, score, percent: percent(score) }));
    const note = t('{1}: answered in the browser by “{2}”, tabserve', picture.name, model.title);
    const blob = await drawAnswers(await drawable(picture.source), lines, note);
    const name = `${picture.name.replace(/\.\w+$/, '').replaceAll(/[^\p{L}\p{N}]+/gu, '-')}-answer.png`;
    const file = new File([blob], name, { type: blob.type });
    if (!shares(file)) return download(file);
    await navigator.share({ files: [file] }).catch((error: unknown) => {
      // Whoever changes their mind is not told so.
      if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
    });
  }
}

/** On a phone people send a picture to somebody; elsewhere they keep it. */
function shares(file: File): boolean {
  return (
    matchMedia('(pointer: coarse)').matches && navigator.canShare?.({ files: [file] }) === true
  );
}

/** What a canvas can draw. */
async function drawable(
  source: Picture['source'],
): Promise<HTMLImageElement | HTMLCanvasElement | HTMLVideoElement> {
  if (source instanceof HTMLCanvasElement || source instanceof HTMLVideoElement) return source;
  const image = new Image();
  image.crossOrigin = 'anonymous';
  const address = source instanceof Blob ? URL.createObjectURL(source) : source;
  try {
    image.src = address;
    await image.decode();
    return image;
  } finally {
    if (source instanceof Blob) URL.revokeObjectURL(address);
  }
}

function download(file: File): void {
  const link = element('a');
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
