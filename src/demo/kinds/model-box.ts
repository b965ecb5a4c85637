/** Where a kind's model comes from: a name, an address, or files. tabserve has none of its own for it. */
import type { CreateMonitor } from 'tabserve';
import { byId } from '../dom.js';
import { bytes as sized } from '../format.js';
import { t } from '../language.js';
import type { Alerts } from '../view/alerts.js';

/** As much of every handle as is needed here. */
export interface Handle {
  readonly info: { model: { title: string; bytes: number }; device: string };
  destroy(): void;
}

/** Loads a model. */
export type Create<Model extends Handle> = (
  model: string | File[],
  signal: AbortSignal,
  monitor: (monitor: CreateMonitor) => void,
) => Promise<Model>;

/** The box of one kind, in `index.html` under `<kind>-model…`. */
export class ModelBox<Model extends Handle> {
  readonly #kind: string;
  readonly #create: Create<Model>;
  readonly #alerts: Alerts;
  readonly #changed: (model: Model) => void;
  readonly #status: HTMLElement;
  #loading: AbortController | undefined;

  /** What is loaded. */
  model: Model | undefined;

  constructor(
    kind: string,
    alerts: Alerts,
    create: Create<Model>,
    changed: (model: Model) => void,
  ) {
    this.#kind = kind;
    this.#alerts = alerts;
    this.#create = create;
    this.#changed = changed;
    this.#status = byId(`${kind}-model-status`, HTMLElement);
    const input = byId(`${kind}-model-name`, HTMLInputElement);
    byId(`${kind}-model`, HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (input.value.trim() !== '') void this.load(input.value.trim());
    });
    const files = byId(`${kind}-model-files`, HTMLInputElement);
    byId(`${kind}-model-choose`, HTMLButtonElement).addEventListener('click', () => files.click());
    files.addEventListener('change', () => {
      const chosen = [...(files.files ?? [])];
      files.value = '';
      if (chosen.length > 0) void this.load(chosen);
    });
  }

  /** Loads a model in the place of the one that is there, which stays if that fails. */
  async load(source: string | File[]): Promise<void> {
    this.cancel();
    const loading = new AbortController();
    this.#loading = loading;
    const name = typeof source === 'string' ? source : (source[0]?.name ?? t('your files'));
    this.#status.textContent = t('Loading {1}…', name);
    try {
      const model = await this.#create(source, loading.signal, (monitor) => {
        monitor.addEventListener('downloadprogress', (event) => {
          const { loaded, total, lengthComputable } = event;
          if (this.#loading !== loading) return;
          this.#status.textContent =
            lengthComputable && total > 0
              ? t(
                  'Loading {1}: {2} % of {3}',
                  name,
                  Math.round((100 * loaded) / total),
                  sized(total),
                )
              : t('Loading {1}: {2}', name, sized(total || loaded));
        });
      });
      if (loading.signal.aborted) return model.destroy();
      this.model?.destroy();
      this.model = model;
      this.#tell();
      this.#changed(model);
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#alerts.show(error, { title: t('“{1}” could not be loaded', name) });
      this.#tell();
    } finally {
      if (this.#loading === loading) this.#loading = undefined;
    }
  }

  /** Gives up the load under way. */
  cancel(): void {
    if (!this.#loading) return;
    this.#loading.abort();
    this.#loading = undefined;
    this.#tell();
  }

  #tell(): void {
    const { model } = this;
    byId(`${this.#kind}-empty`, HTMLElement).hidden = model !== undefined;
    if (!model) {
      this.#status.textContent = t('No model yet.');
      return;
    }
    const { title, bytes } = model.info.model;
    const device = model.info.device === 'webgpu' ? 'WebGPU' : 'WebAssembly';
    this.#status.textContent = t('{1}, {2}, on {3}.', title, sized(bytes), device);
  }
}
