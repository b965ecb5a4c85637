/** Loads models and swaps the classifier, so that a failed load never costs a working one. */
import { ImageClassifier, models } from 'tabserve';
import { idle } from './dom.js';
import { language, t } from './language.js';
import type { ModelChoice, Settings, State } from './state.js';
import type { Alerts } from './view/alerts.js';

/** Models besides the one in use and those always kept ready: the one before the pad's. */
const sparesAtMost = 1;

interface Loaded {
  settings: Settings;
  classifier: ImageClassifier;
}

export class Loader {
  readonly #state: State;
  readonly #alerts: Alerts;
  /** Ready classifiers of the current backend, so that changing models needs no network. */
  readonly #shelf = new Map<string, Loaded>();
  #companions: readonly ModelChoice[] = [];
  #active: Loaded | null = null;
  #loading: AbortController | null = null;

  constructor(state: State, alerts: Alerts) {
    this.#state = state;
    this.#alerts = alerts;
  }

  /** Makes `settings` the ones in use. Resolves when that has worked, failed or been overtaken. */
  async use(settings: Settings): Promise<void> {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.#state.settings.set(settings);

    const shelved = this.#shelf.get(shelfKey(settings));
    if (shelved) {
      this.#activate(shelved);
      return;
    }
    const { title } = settings.model;
    this.#state.load.set({ phase: 'loading', title, loaded: 0, total: 0, cached: 0 });
    try {
      const classifier = await create(settings, loading.signal, (loaded, total, cached) => {
        if (this.#loading === loading) {
          this.#state.load.set({ phase: 'loading', title, loaded, total, cached });
        }
      });
      if (loading.signal.aborted) {
        classifier.destroy();
        return;
      }
      this.#activate({ settings, classifier });
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#alerts.show(error, {
        title: t('“{1}” could not be loaded', title),
        retry: () => void this.use(settings),
      });
      this.#keepFormer(title);
    }
  }

  /** Gives up the load under way; the former model stays. What has come stays in the store. */
  cancel(): void {
    const model = this.#state.settings.current?.model;
    if (!this.#loading || !model) return;
    this.#loading.abort();
    this.#keepFormer(model.title);
  }

  /** Says which models to have ready besides the one in use. */
  async keepReady(models: readonly ModelChoice[]): Promise<void> {
    this.#companions = models;
    await this.#stock();
  }

  /** Loads what may be wanted later, while there still is a network. */
  async #stock(): Promise<void> {
    const active = this.#active;
    if (!active || this.#companions.length === 0) return;
    const wanted = this.#companions
      .map((model) => ({ ...active.settings, model }))
      .filter((settings) => !this.#shelf.has(shelfKey(settings)));
    const { stock } = this.#state;
    if (wanted.length === 0 && stock.current === 'complete') return;
    stock.set('loading');
    let missing = 0;
    // A model that somebody drops is to be read without a network too.
    await models.prepare().catch(() => missing++);
    for (const settings of wanted) {
      await idle();
      try {
        const classifier = await create(settings, null, () => {});
        if (this.#active !== active || this.#shelf.has(shelfKey(settings))) {
          classifier.destroy();
          return;
        }
        this.#shelf.set(shelfKey(settings), { settings, classifier });
      } catch {
        // It is loaded, and its failure shown, when somebody asks for it.
        missing++;
      }
      if (this.#active !== active) return;
    }
    stock.set(missing === 0 ? 'complete' : 'partial');
  }

  #activate(loaded: Loaded): void {
    this.#loading = null;
    this.#active = loaded;
    this.#state.classifier.set(loaded.classifier);
    this.#state.load.set({ phase: 'ready' });
    this.#clearOut(loaded);
    this.#shelf.delete(shelfKey(loaded.settings));
    this.#shelf.set(shelfKey(loaded.settings), loaded);
    void this.#stock();
  }

  /**
   * Destroys what the new classifier makes useless: other backends, files of before, and all but
   * the latest of the models that are not always kept ready, for large ones take much memory.
   */
  #clearOut(kept: Loaded): void {
    let spare = sparesAtMost;
    // The latest first.
    for (const [key, loaded] of [...this.#shelf].toReversed()) {
      if (loaded === kept) continue;
      const sameBackend = backendKey(loaded.settings) === backendKey(kept.settings);
      const isOther = loaded.settings.model.key !== kept.settings.model.key;
      const isCompanion = this.#companions.some(({ key }) => key === loaded.settings.model.key);
      if (sameBackend && isOther && (isCompanion || spare-- > 0)) continue;
      this.#shelf.delete(key);
      loaded.classifier.destroy();
    }
  }

  #keepFormer(title: string): void {
    this.#loading = null;
    if (this.#active) {
      this.#state.settings.set(this.#active.settings);
      this.#state.load.set({ phase: 'ready' });
    } else {
      this.#state.load.set({ phase: 'failed', title });
    }
  }
}

function create(
  settings: Settings,
  signal: AbortSignal | null,
  progress: (loaded: number, total: number, cached: number) => void,
): Promise<ImageClassifier> {
  return ImageClassifier.create({
    lang: [language],
    model: settings.model.source,
    device: settings.device,
    dtype: settings.dtype,
    threads: settings.threads,
    ...(signal && { signal }),
    monitor(monitor) {
      monitor.addEventListener('downloadprogress', (event) => {
        const { loaded, total, cached, lengthComputable } = event;
        progress(loaded, lengthComputable ? total : 0, cached);
      });
    },
  });
}

function backendKey({ device, dtype, threads }: Settings): string {
  return `${device} ${dtype} ${threads}`;
}

/** Files of the same name can differ, so the choice itself tells them apart. */
const choiceIds = new WeakMap<ModelChoice, number>();
let choices = 0;

function shelfKey(settings: Settings): string {
  const { model } = settings;
  if (typeof model.source === 'string') return `${model.key} ${backendKey(settings)}`;
  const id = choiceIds.get(model) ?? ++choices;
  choiceIds.set(model, id);
  return `${model.key} ${id} ${backendKey(settings)}`;
}
