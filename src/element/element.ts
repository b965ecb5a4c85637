/**
 * `<tabserve-classifier>`: says what a picture of the page shows, without a line of script.
 *
 * ```html
 * <img id="photo" src="cat.jpg" alt="" />
 * <tabserve-classifier for="photo" top-k="3"></tabserve-classifier>
 * ```
 *
 * @module tabserve/element
 * @packageDocumentation
 */

import type { Classification, ClassifierInfo, CreateOptions } from '../api/types.js';
import {
  type ImageClassifier,
  type ImageSource,
  isTabserveError,
  TabserveError,
} from '../index.js';
import { type Lease, leaseClassifier } from '../leasing/shared-classifiers.js';
import { type ClassifierTexts, languageOf, textNames, textsOf } from './texts.js';
import { ClassifierView } from './view.js';

export type { ClassifierTexts } from './texts.js';

/** The attributes of `<tabserve-classifier>`, for HTML and JSX. */
export interface TabserveClassifierAttributes {
  /** The id of an `<img>`, `<video>` or `<canvas>`. @default `src`, else the first one inside */
  for?: string;
  /** The address of a picture, which is classified but not shown. */
  src?: string;
  /** A name of the catalogue, or the address of a `model.json`. @default the best embedded model */
  model?: string;
  /** At most so many answers. @default 5 */
  'top-k'?: number | string;
  /** Only answers with at least this score, 0…1. @default 0 */
  threshold?: number | string;
  /** `auto`, `webgpu` or `wasm`. @default 'auto' */
  device?: string;
  /** Nothing is loaded before the picture is about to be seen. */
  lazy?: boolean | '';
  /** As the option `workerUrl` of `ImageClassifier.create()`. */
  'worker-url'?: string;
  /** As the option `wasmUrl`. */
  'wasm-url'?: string;
  /** As the option `modelsUrl`. */
  'models-url'?: string;
  /** Said while the model loads and its size is not known. @default by the page's language */
  'text-loading'?: string;
  /** Said while the model loads; `{percent}` is how much of it is there. @default by the language */
  'text-loading-progress'?: string;
  /** Said where no answer reaches `threshold`. @default by the language */
  'text-no-answer'?: string;
  /** Said where the picture cannot be read. @default by the language */
  'text-picture-error'?: string;
  /** Said where worker, engine or model cannot be used. @default by the language */
  'text-start-error'?: string;
}

/** The events of `<tabserve-classifier>`. None of them bubbles. */
export interface TabserveClassifierEventMap {
  /** The model is loaded; `info` says what it runs on. */
  load: Event;
  /** Bytes of engine and model while they load. */
  progress: ProgressEvent;
  /** There are answers: `detail`, and the property `classifications`. */
  result: CustomEvent<readonly Classification[]>;
  /**
   * Something failed: `error` is a {@link TabserveError}. Unless the event is cancelled, it is
   * written to the console as well.
   */
  error: ErrorEvent;
}

type Picture = HTMLImageElement | HTMLVideoElement | HTMLCanvasElement;

/** How many frames of a video are classified in a second: more cannot be read. */
const framesPerSecond = 8;

/** How far from being seen a lazy element starts. */
const lazyMargin = '200px';

const tagName = 'tabserve-classifier';

/** The attributes that replace a text, with its name. */
const textAttributes = new Map(
  textNames.map((name) => [
    `text-${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    name,
  ]),
);

// On a server there is no HTMLElement; importing this file there has to do no harm.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * Says what a picture of the page shows. Properties mirror attributes. Several elements on a page share one
 * worker and, if they ask for the same model, one classifier.
 *
 * Its own texts are in the language of the page (`lang`): English, German or Chinese. The attributes
 * `text-…` and the property `texts` replace them.
 *
 * @tag tabserve-classifier
 * @tagname tabserve-classifier
 *
 * @attr {string} for - The id of an `<img>`, `<video>` or `<canvas>`. Default: `src`, else the first one inside.
 * @attr {string} src - The address of a picture, which is classified but not shown.
 * @attr {string} model - A name of the catalogue, or the address of a `model.json`. Default: the best embedded model.
 * @attr {number} [top-k=5] - At most so many answers.
 * @attr {number} [threshold=0] - Only answers with at least this score, 0…1.
 * @attr {auto|webgpu|wasm} [device=auto] - What the model runs on.
 * @attr {boolean} lazy - Nothing is loaded before the picture is about to be seen.
 * @attr {string} worker-url - Where the worker's files are. Default: beside tabserve's own file.
 * @attr {string} wasm-url - Where the engine's files are. Default: beside tabserve's own file.
 * @attr {string} models-url - Where the embedded models are. Default: beside tabserve's own file.
 * @attr {string} lang - The language of the texts: `en`, `de` or `zh`. Default: that of the page, else of the browser.
 * @attr {string} text-loading - Said while the model loads and its size is not known.
 * @attr {string} text-loading-progress - Said while the model loads; `{percent}` is how much of it is there.
 * @attr {string} text-no-answer - Said where no answer reaches `threshold`.
 * @attr {string} text-picture-error - Said where the picture cannot be read.
 * @attr {string} text-start-error - Said where worker, engine or model cannot be used.
 *
 * @fires {Event} load - The model is loaded; `info` says what it runs on.
 * @fires {ProgressEvent} progress - Bytes of engine and model while they load.
 * @fires {CustomEvent} result - There are answers: `detail`, and the property `classifications`.
 * @fires {ErrorEvent} error - Something failed: `error` is a `TabserveError`. Unless it is cancelled, it is written to the console as well.
 *
 * @slot - The picture, where neither `for` nor `src` names one; and whatever else belongs above the answers.
 *
 * @csspart status - The line that says what is being done, or what went wrong.
 * @csspart results - The list of answers.
 * @csspart result - One answer.
 * @csspart label - The name of an answer.
 * @csspart score - The score of an answer, in percent.
 * @csspart bar - The score of an answer as a bar behind it.
 *
 * @cssprop [--tabserve-bar-color] - Colour of the bars. Default: a tint of the text's colour.
 * @cssprop [--tabserve-bar-radius=.2em] - How round the bars' corners are.
 * @cssprop [--tabserve-gap=.25em] - Space between two answers.
 */
export class TabserveClassifierElement extends Base {
  static readonly observedAttributes = [
    'for',
    'src',
    'model',
    'top-k',
    'threshold',
    'device',
    'lazy',
    'worker-url',
    'wasm-url',
    'models-url',
    'lang',
    ...textAttributes.keys(),
  ];

  readonly #view: ClassifierView;
  #lease: (Lease & { key: string }) | undefined;
  #run = new AbortController();
  #isScheduled = false;
  #classifications: readonly Classification[] = [];
  #loaded: ImageClassifier | null = null;
  #texts: Partial<ClassifierTexts> = {};

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    this.#view = new ClassifierView(root);
    root.querySelector('slot')?.addEventListener('slotchange', () => this.#schedule());
  }

  /** The latest answers, best first. */
  get classifications(): readonly Classification[] {
    return this.#classifications;
  }

  /** What the classifier runs on, and why; `null` before the `load` event. */
  get info(): ClassifierInfo | null {
    return this.#loaded?.info ?? null;
  }

  /** The attribute `for`. */
  get htmlFor(): string {
    return this.getAttribute('for') ?? '';
  }
  set htmlFor(id: string) {
    this.setAttribute('for', id);
  }

  /** The attribute `src`, made absolute. */
  get src(): string {
    const src = this.getAttribute('src');
    return src === null || !URL.canParse(src, document.baseURI)
      ? (src ?? '')
      : new URL(src, document.baseURI).href;
  }
  set src(url: string) {
    this.setAttribute('src', url);
  }

  /** The attribute `model`. */
  get model(): string {
    return this.getAttribute('model') ?? '';
  }
  set model(name: string) {
    this.setAttribute('model', name);
  }

  /** The attribute `top-k`. */
  get topK(): number {
    return this.#number('top-k', 5);
  }
  set topK(count: number) {
    this.setAttribute('top-k', String(count));
  }

  /** The attribute `threshold`. */
  get threshold(): number {
    return this.#number('threshold', 0);
  }
  set threshold(score: number) {
    this.setAttribute('threshold', String(score));
  }

  /** The attribute `device`. */
  get device(): string {
    return this.getAttribute('device') ?? 'auto';
  }
  set device(device: string) {
    this.setAttribute('device', device);
  }

  /** The attribute `lazy`. */
  get lazy(): boolean {
    return this.hasAttribute('lazy');
  }
  set lazy(lazy: boolean) {
    this.toggleAttribute('lazy', lazy);
  }

  /** Texts of the page's own. What is left out is by the attributes `text-…`, then by the language. */
  get texts(): Partial<ClassifierTexts> {
    return this.#texts;
  }
  set texts(texts: Partial<ClassifierTexts>) {
    this.#texts = { ...texts };
    this.#speak();
  }

  /** Classifies again what the source shows now: a canvas does not say that it was redrawn. */
  classify(): void {
    this.#schedule();
  }

  /** Called by the browser. */
  connectedCallback(): void {
    this.#speak();
    this.#schedule();
  }

  /** Called by the browser. */
  disconnectedCallback(): void {
    this.#run.abort();
    // An element that is only being moved keeps its model.
    setTimeout(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  /** Called by the browser. */
  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === 'lang' || textAttributes.has(name)) this.#speak();
    else this.#schedule();
  }

  /** Listens to the events of this class, with their types. */
  override addEventListener<Type extends keyof TabserveClassifierEventMap>(
    type: Type,
    listener: (this: TabserveClassifierElement, event: TabserveClassifierEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to the events of every element. */
  override addEventListener<Type extends keyof HTMLElementEventMap>(
    type: Type,
    listener: (this: TabserveClassifierElement, event: HTMLElementEventMap[Type]) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener, options);
  }

  /** Uses the texts that count now. */
  #speak(): void {
    const language = languageOf(this);
    const texts = { ...textsOf(language) };
    for (const [attribute, name] of textAttributes) {
      texts[name] = this.#texts[name] ?? this.getAttribute(attribute) ?? texts[name];
    }
    this.#view.speak(texts, language);
  }

  /** Starts over, once for all changes of this moment. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#run.abort();
      if (!this.isConnected) return;
      this.#run = new AbortController();
      const { signal } = this.#run;
      this.#start(signal).catch((error: unknown) => {
        if (!signal.aborted) this.#fail(error);
      });
    });
  }

  async #start(signal: AbortSignal): Promise<void> {
    await parsed();
    if (signal.aborted) return;
    const source = this.#source();
    if (source === null) return;
    if (this.lazy) await aboutToBeSeen(typeof source === 'string' ? this : source, signal);
    const classifier = await this.#classifier();
    signal.throwIfAborted();
    if (this.#loaded === null) {
      this.#loaded = classifier;
      this.dispatchEvent(new Event('load'));
    }
    this.#view.showStatus('nothing');
    // Without a threshold scores below 0 are answers too.
    const threshold = this.hasAttribute('threshold') && { threshold: this.threshold };
    const options = { topK: this.topK, ...threshold, signal };
    if (source instanceof HTMLVideoElement) {
      const watched = classifier.watch(source, { ...options, maxFps: framesPerSecond });
      for await (const { classifications } of watched) this.#answer(classifications, false);
      return;
    }
    const classify = async (image: ImageSource) => {
      try {
        const answers = await classifier.classify(image, options);
        if (!signal.aborted) this.#answer(answers, true);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      }
    };
    if (source instanceof HTMLImageElement) {
      for (const type of ['load', 'error']) {
        source.addEventListener(type, () => void classify(source), { signal });
      }
      // One that is still loading fires an event at its end.
      if (!source.complete) return;
    }
    await classify(source);
  }

  #source(): Picture | string | null {
    const id = this.getAttribute('for');
    if (id !== null) {
      const root = this.getRootNode() as Document | ShadowRoot;
      const found = root.getElementById?.(id) ?? document.getElementById(id);
      if (isPicture(found)) return found;
      throw new TabserveError(
        'invalid-argument',
        found
          ? `<${tagName} for="${id}"> names a <${found.localName}>; it has to be an <img>, <video> or <canvas>.`
          : `<${tagName} for="${id}"> names no element: the page has none with this id.`,
        { details: { for: id } },
      );
    }
    const src = this.getAttribute('src');
    if (src !== null) return src;
    const inside = this.querySelector('img, video, canvas');
    return isPicture(inside) ? inside : null;
  }

  #classifier(): Lease['classifier'] {
    const attribute = (name: string) => this.getAttribute(name);
    const [model, worker, wasm, models] = [
      attribute('model'),
      attribute('worker-url'),
      attribute('wasm-url'),
      attribute('models-url'),
    ];
    const options: CreateOptions = {
      device: this.device as NonNullable<CreateOptions['device']>,
      ...(model && { model }),
      ...(worker && { workerUrl: worker }),
      ...(wasm && { wasmUrl: wasm }),
      ...(models && { modelsUrl: models }),
    };
    const key = JSON.stringify(options);
    if (this.#lease?.key === key) return this.#lease.classifier;
    const former = this.#lease;
    const lease = leaseClassifier(options, ({ loaded, total, lengthComputable, progress }) => {
      this.#view.showProgress(lengthComputable ? progress : null);
      this.dispatchEvent(new ProgressEvent('progress', { lengthComputable, loaded, total }));
    });
    // Only now: the worker stays if both use the same.
    former?.release();
    this.#loaded = null;
    this.#lease = { ...lease, key };
    lease.classifier.catch(() => {
      if (this.#lease?.release === lease.release) this.#leave();
    });
    return lease.classifier;
  }

  #leave(): void {
    this.#lease?.release();
    this.#lease = undefined;
    this.#loaded = null;
  }

  #answer(classifications: readonly Classification[], live: boolean): void {
    this.#classifications = classifications;
    this.#view.showStatus(live && classifications.length === 0 ? 'noAnswer' : 'nothing');
    this.#view.showResults(classifications, live);
    this.dispatchEvent(new CustomEvent('result', { detail: classifications }));
  }

  #fail(error: unknown): void {
    this.#classifications = [];
    this.#view.showResults([], true);
    // With a model that is there, what did not come is the picture.
    const isOfPicture =
      isTabserveError(error) &&
      (error.code.startsWith('image-') || (error.code === 'network' && this.#loaded !== null));
    this.#view.showStatus(isOfPicture ? 'pictureError' : 'startError');
    const message = error instanceof Error ? error.message : String(error);
    const event = new ErrorEvent('error', { error, message, cancelable: true });
    if (this.dispatchEvent(event)) console.error(error);
  }

  #number(attribute: string, otherwise: number): number {
    const text = this.getAttribute(attribute);
    return text === null || text.trim() === '' ? otherwise : Number(text);
  }
}

/** Defines the element, unless this page has it already. */
export function defineClassifierElement(): void {
  const registry = globalThis.customElements;
  if (registry && !registry.get(tagName)) registry.define(tagName, TabserveClassifierElement);
}

function isPicture(element: Element | null): element is Picture {
  return (
    element instanceof HTMLImageElement ||
    element instanceof HTMLVideoElement ||
    element instanceof HTMLCanvasElement
  );
}

/** Until the page is parsed, what is missing may still come. */
async function parsed(): Promise<void> {
  if (document.readyState !== 'loading') return;
  await new Promise((resolve) =>
    document.addEventListener('DOMContentLoaded', resolve, { once: true }),
  );
}

async function aboutToBeSeen(element: Element, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        resolve();
      },
      { rootMargin: lazyMargin },
    );
    observer.observe(element);
    signal.addEventListener('abort', () => observer.disconnect(), { once: true });
  });
}

declare global {
  interface HTMLElementTagNameMap {
    'tabserve-classifier': TabserveClassifierElement;
  }
}

defineClassifierElement();
