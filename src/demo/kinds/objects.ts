/** What is in the picture, and where. */
import { type DetectedObject, isTabserveError, ObjectDetector } from 'tabserve';
import { byId } from '../dom.js';
import { count } from '../format.js';
import { t } from '../language.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import { showBars } from './bars.js';
import type { Kind } from './kinds.js';
import { ModelBox } from './model-box.js';

const colours = ['#62d2aa', '#f0c36a', '#8ab4ff', '#ff9c8f', '#d5a6ff', '#7fe0ff'];

export class Objects implements Kind {
  readonly #alerts: Alerts;
  readonly #box: ModelBox<ObjectDetector>;
  #picture: { file: Blob; name: string } | undefined;
  #running: AbortController | undefined;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    this.#box = new ModelBox(
      'objects',
      alerts,
      (model, signal, monitor) => ObjectDetector.create({ model, signal, monitor }),
      () => void this.#detect(),
    );
    const file = byId('objects-file', HTMLInputElement);
    byId('objects-choose', HTMLButtonElement).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      file.value = '';
      if (chosen) this.#show(chosen, chosen.name);
    });
  }

  open(): void {}

  close(): void {
    this.#box.cancel();
    this.#running?.abort();
  }

  take(incoming: Incoming): void {
    if (incoming.kind === 'model') void this.#box.load([...incoming.files]);
    else if (incoming.kind === 'pictures' && incoming.files[0]) {
      this.#show(incoming.files[0], incoming.files[0].name);
    } else
      this.#alerts.tell(t('Nothing to look at'), t('Drop a picture, or the files of a detector.'));
  }

  #show(file: Blob, name: string): void {
    this.#picture = { file, name };
    void this.#draw([]);
    void this.#detect();
  }

  async #detect(): Promise<void> {
    const { model } = this.#box;
    const picture = this.#picture;
    const summary = byId('objects-summary', HTMLElement);
    if (!picture) return;
    if (!model) {
      summary.textContent = t('Load a detector, and its answers appear here.');
      return;
    }
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    summary.textContent = t('Looking…');
    try {
      const found = await model.detect(picture.file, { signal: running.signal });
      await this.#draw(found);
      summary.textContent =
        found.length === 0
          ? t('Nothing that this model knows.')
          : t('{1} in {2}', count(found.length, 'object', 'objects'), picture.name);
      showBars(
        byId('objects-list', HTMLOListElement),
        found.map(({ label, score, box }) => ({
          label,
          score,
          title: `${label}: ${[box.x, box.y, box.width, box.height].map(Math.round).join(', ')}`,
        })),
      );
    } catch (error) {
      if (running.signal.aborted || isTabserveError(error, 'destroyed')) return;
      summary.textContent = t('No answer.');
      this.#alerts.show(error, { title: t('No answer for “{1}”', picture.name) });
    }
  }

  /** The picture with a frame around each object. */
  async #draw(found: readonly DetectedObject[]): Promise<void> {
    const picture = this.#picture;
    if (!picture) return;
    const canvas = byId('objects-canvas', HTMLCanvasElement);
    const context = canvas.getContext('2d');
    const bitmap = await createImageBitmap(picture.file).catch(() => undefined);
    if (!context || !bitmap || picture !== this.#picture) return bitmap?.close();
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.hidden = false;
    byId('objects-hint', HTMLElement).hidden = true;
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const line = Math.max(2, canvas.width / 200);
    context.lineWidth = line;
    context.font = `600 ${Math.max(12, canvas.width / 36)}px system-ui, sans-serif`;
    context.textBaseline = 'top';
    const labels = [...new Set(found.map(({ label }) => label))];
    for (const { label, box } of [...found].reverse()) {
      const colour = colours[labels.indexOf(label) % colours.length] as string;
      context.strokeStyle = colour;
      context.strokeRect(box.x, box.y, box.width, box.height);
      const { width } = context.measureText(label);
      const height = Math.max(16, canvas.width / 26);
      context.fillStyle = colour;
      context.fillRect(box.x, box.y, width + 4 * line, height);
      context.fillStyle = '#0e1412';
      context.fillText(label, box.x + 2 * line, box.y + height / 8);
    }
  }
}
