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
import { nearest } from '../base/nearest.js';
import {
  type ImageClassifier,
  type ImageSource,
  isTabserveError,
  TabserveError,
} from '../index.js';
import { type Lease, leaseClassifier } from '../leasing/shared-classifiers.js';
import { isWriting, leaveCamera, pictureOf, startCamera, statusOfCamera } from './sources.js';
import { type ClassifierTexts, languageOf, textNames, textsOf } from './texts.js';
import { ClassifierView, type Status } from './view.js';

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
  /** Least scores of single classes: `person: 0.8; tabby cat: 0.3`. @default those of the model */
  thresholds?: string;
  /** Offers a button that opens a picture, and takes pictures that are dropped or pasted. */
  picker?: boolean | '';
  /** Offers a button that starts and stops the camera. */
  camera?: boolean | '';
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
  /** Said where the model looks at a picture for more than a second. @default by the language */
  'text-working'?: string;
  /** Said where several answers agree on a `{group}`, and none is likely; `{label}` is the best one. @default by the language */
  'text-unsure'?: string;
  /** The button that opens a picture. @default by the language */
  'text-choose-picture'?: string;
  /** Said beside that button. @default by the language */
  'text-drop-hint'?: string;
  /** Said where what was dropped, pasted or chosen is no picture. @default by the language */
  'text-not-a-picture'?: string;
  /** What stands for the chosen picture where it cannot be seen. @default by the language */
  'text-picture-name'?: string;
  /** The button that starts the camera. @default by the language */
  'text-start-camera'?: string;
  /** The button that stops the camera. @default by the language */
  'text-stop-camera'?: string;
  /** Said while the camera starts. @default by the language */
  'text-camera-starting'?: string;
  /** What stands for the camera's picture where it cannot be seen. @default by the language */
  'text-camera-name'?: string;
  /** Said where the user, or the browser, refused the camera. @default by the language */
  'text-camera-refused'?: string;
  /** Said where there is no camera. @default by the language */
  'text-camera-missing'?: string;
  /** Said where another program uses the camera. @default by the language */
  'text-camera-busy'?: string;
  /** Said where the page may not use a camera. @default by the language */
  'text-camera-unavailable'?: string;
}

/** The events of `<tabserve-classifier>`. None of them bubbles. */
export interface TabserveClassifierEventMap {
  /** The model is loaded; `info` says what it runs on. */
  load: Event;
  /** Bytes of engine and model while they load. */
  progress: ProgressEvent;
  /** The camera has started. */
  camerastart: Event;
  /** The camera has stopped. */
  camerastop: Event;
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

/** Milliseconds after which the element says that it is looking at a picture. */
const sayWorkingAfter = 1000;

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
 * @attr {string} thresholds - Least scores of single classes: `person: 0.8; tabby cat: 0.3`. Default: those of the model.
 * @attr {boolean} picker - Offers a button that opens a picture, and takes pictures that are dropped or pasted.
 * @attr {boolean} camera - Offers a button that starts and stops the camera.
 * @attr {auto|webgpu|wasm} [device=auto] - What the model runs on.
 * @attr {boolean} lazy - Nothing is loaded before the picture is about to be seen.
 * @attr {string} worker-url - Where the worker's files are. Default: beside tabserve's own file.
 * @attr {string} wasm-url - Where the engine's files are. Default: beside tabserve's own file.
 * @attr {string} models-url - Where the embedded models are. Default: beside tabserve's own file.
 * @attr {string} lang - The language of the texts (`en`, `de` or `zh`), and of the labels where the model has them in it. Default: that of the page, else of the browser.
 * @attr {string} text-loading - Said while the model loads and its size is not known.
 * @attr {string} text-loading-progress - Said while the model loads; `{percent}` is how much of it is there.
 * @attr {string} text-no-answer - Said where no answer reaches `threshold`.
 * @attr {string} text-picture-error - Said where the picture cannot be read.
 * @attr {string} text-start-error - Said where worker, engine or model cannot be used.
 * @attr {string} text-working - Said where the model looks at a picture for more than a second.
 * @attr {string} text-unsure - Said where several answers agree on a `{group}`, and none is likely; `{label}` is the best one.
 * @attr {string} text-choose-picture - The button that opens a picture.
 * @attr {string} text-drop-hint - Said beside that button.
 * @attr {string} text-not-a-picture - Said where what was dropped, pasted or chosen is no picture.
 * @attr {string} text-picture-name - What stands for the chosen picture where it cannot be seen.
 * @attr {string} text-start-camera - The button that starts the camera.
 * @attr {string} text-stop-camera - The button that stops the camera.
 * @attr {string} text-camera-starting - Said while the camera starts.
 * @attr {string} text-camera-name - What stands for the camera's picture where it cannot be seen.
 * @attr {string} text-camera-refused - Said where the user, or the browser, refused the camera.
 * @attr {string} text-camera-missing - Said where there is no camera.
 * @attr {string} text-camera-busy - Said where another program uses the camera.
 * @attr {string} text-camera-unavailable - Said where the page may not use a camera.
 *
 * @fires {Event} load - The model is loaded; `info` says what it runs on.
 * @fires {ProgressEvent} progress - Bytes of engine and model while they load.
 * @fires {Event} camerastart - The camera has started.
 * @fires {Event} camerastop - The camera has stopped.
 * @fires {CustomEvent} result - There are answers: `detail`, and the property `classifications`.
 * @fires {ErrorEvent} error - Something failed: `error` is a `TabserveError`. Unless it is cancelled, it is written to the console as well.
 *
 * @slot - The picture, where neither `for` nor `src` names one; and whatever else belongs above the answers.
 *
 * @csspart controls - The line of the buttons; where pictures are dropped.
 * @csspart button - The button that opens a picture, and that of the camera.
 * @csspart hint - The words beside the former.
 * @csspart preview - The chosen picture, or that of the camera.
 * @csspart status - The line that says what is being done, or what went wrong.
 * @csspart summary - The line that says what unsure answers agree on.
 * @csspart results - The list of answers.
 * @csspart result - One answer.
 * @csspart label - The name of an answer.
 * @csspart score - The score of an answer, in percent.
 * @csspart bar - The score of an answer as a bar behind it.
 *
 * @cssprop [--tabserve-bar-color] - Colour of the bars. Default: a tint of the text's colour.
 * @cssprop [--tabserve-bar-radius=.2em] - How round the bars' corners are.
 * @cssprop [--tabserve-gap=.25em] - Space between two answers.
 * @cssprop [--tabserve-preview-height=20em] - The greatest height of the chosen picture and of the camera's.
 */
export class TabserveClassifierElement extends Base {
  static readonly observedAttributes = [
    'for',
    'src',
    'model',
    'top-k',
    'threshold',
    'thresholds',
    'picker',
    'camera',
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
  /** What was chosen, dropped or pasted; it counts until the page's own picture changes. */
  #picked: File | null = null;
  #stream: MediaStream | null = null;
  /** The language of the labels, where the model has them in it. */
  #language = '';
  /** While the camera starts or is on; a stop ends it. */
  #filming: AbortController | undefined;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    this.#view = new ClassifierView(root, {
      choose: (file) => {
        if (file) this.#take(file);
      },
      toggleCamera: () => {
        if (this.#stream) this.stopCamera();
        else void this.startCamera().catch(() => undefined);
      },
    });
    for (const type of ['dragover', 'dragleave', 'drop'] as const) {
      this.addEventListener(type, (event: DragEvent) => this.#drag(event));
    }
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

  /** The attribute `thresholds`, as `classify()` takes them: least scores by labels. */
  get thresholds(): Record<string, number> {
    const parts = (this.getAttribute('thresholds') ?? '').split(';').filter((each) => each.trim());
    return Object.fromEntries(
      parts.map((part) => {
        const end = part.lastIndexOf(':');
        return [part.slice(0, Math.max(end, 0)).trim(), Number(part.slice(end + 1))];
      }),
    );
  }
  set thresholds(thresholds: Readonly<Record<string, number>>) {
    const parts = Object.entries(thresholds).map(([label, least]) => `${label}: ${least}`);
    this.setAttribute('thresholds', parts.join('; '));
  }

  /** The attribute `picker`. */
  get picker(): boolean {
    return this.hasAttribute('picker');
  }
  set picker(picker: boolean) {
    this.toggleAttribute('picker', picker);
  }

  /** The attribute `camera`. */
  get camera(): boolean {
    return this.hasAttribute('camera');
  }
  set camera(camera: boolean) {
    this.toggleAttribute('camera', camera);
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

  /**
   * Starts the camera, whose picture is then followed. The browser may ask the user.
   *
   * @throws TabserveError `unsupported`, `image-not-ready`. The element says so too, and fires `error`.
   */
  async startCamera(): Promise<void> {
    this.#endFilm();
    const filming = new AbortController();
    this.#filming = filming;
    this.#run.abort();
    this.#show([], 'cameraStarting');
    const { video } = this.#view;
    try {
      const stream = await startCamera(video, filming.signal);
      if (!stream) return;
      if (!this.isConnected) {
        leaveCamera(stream, video);
        this.#filming = undefined;
        return;
      }
      this.#stream = stream;
      // Unplugging it, or taking the permission back, ends the track.
      for (const track of stream.getTracks()) track.onended = () => this.stopCamera();
    } catch (error) {
      if (!filming.signal.aborted) {
        this.#filming = undefined;
        this.#fail(error, statusOfCamera(error));
      }
      throw error;
    }
    this.#pick(null);
    this.#view.showCamera(true);
    this.dispatchEvent(new Event('camerastart'));
  }

  /** Stops the camera; the page's own picture counts again. */
  stopCamera(): void {
    if (!this.#endFilm()) return;
    this.#show([], 'nothing');
    this.#schedule();
  }

  /** @returns Whether the camera was on, or starting. */
  #endFilm(): boolean {
    if (!this.#filming) return false;
    this.#filming.abort();
    this.#filming = undefined;
    if (this.#stream) {
      leaveCamera(this.#stream, this.#view.video);
      this.#stream = null;
      this.#view.showCamera(false);
      this.#show([], 'nothing');
      this.dispatchEvent(new Event('camerastop'));
    }
    return true;
  }

  /** Called by the browser. */
  connectedCallback(): void {
    document.addEventListener('paste', this.#paste);
    this.#language = languageOf(this);
    this.#speak();
    this.#schedule();
    this.#warnOfMisspelt();
  }

  /** Called by the browser. */
  disconnectedCallback(): void {
    document.removeEventListener('paste', this.#paste);
    this.#run.abort();
    this.stopCamera();
    // An element that is only being moved keeps its model.
    setTimeout(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  /** Called by the browser. */
  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (name === 'picker' || name === 'camera') this.#view.offer(this);
    else if (textAttributes.has(name)) this.#speak();
    else {
      if (name === 'lang') {
        this.#speak();
        // Another language costs a load, where the labels come in several.
        if ((this.#loaded?.info.model.languages.length ?? 0) < 2) return;
        this.#language = languageOf(this);
      }
      if (name === 'src' || name === 'for') this.#pick(null);
      this.#schedule();
    }
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

  /** Uses a picture that the user chose. */
  #take(file: File): void {
    if (!file.type.startsWith('image/')) {
      this.#show([], 'notAPicture');
      return;
    }
    this.stopCamera();
    this.#pick(file);
  }

  /** @param file - `null` for the page's own picture. */
  #pick(file: File | null): void {
    if (file !== this.#picked) this.#view.showPicture(file);
    this.#picked = file;
    this.#schedule();
  }

  #drag(event: DragEvent): void {
    const transfer = event.dataTransfer;
    if (!this.picker || !transfer?.types.includes('Files')) return;
    this.#view.showDrop(event.type === 'dragover');
    if (event.type === 'dragleave') return;
    event.preventDefault();
    if (event.type === 'dragover') {
      transfer.dropEffect = 'copy';
      return;
    }
    const file = pictureOf(transfer) ?? transfer.files[0];
    if (file) this.#take(file);
  }

  /** A paste belongs to the element that has the focus, else to the page's first one. */
  readonly #paste = (event: ClipboardEvent): void => {
    if (!this.picker || event.defaultPrevented || isWriting(event)) return;
    const takers = document.querySelectorAll(`${tagName}[picker]`);
    const taker = [...takers].find((each) => event.composedPath().includes(each)) ?? takers[0];
    const file = taker === this ? pictureOf(event.clipboardData) : undefined;
    if (!file) return;
    event.preventDefault();
    this.#take(file);
  };

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
    this.#checkNumbers();
    if (this.lazy) await aboutToBeSeen(isPicture(source) ? source : this, signal);
    const classifier = await this.#classifier();
    signal.throwIfAborted();
    if (this.#loaded === null) {
      this.#loaded = classifier;
      this.dispatchEvent(new Event('load'));
    }
    this.#view.showStatus('nothing');
    // Without a threshold scores below 0 are answers too.
    const threshold = this.hasAttribute('threshold') && { threshold: this.threshold };
    const thresholds = this.hasAttribute('thresholds') && { thresholds: this.thresholds };
    const options = { topK: this.topK, ...threshold, ...thresholds, signal };
    if (source instanceof HTMLVideoElement) {
      const watched = classifier.watch(source, { ...options, maxFps: framesPerSecond });
      for await (const { classifications } of watched) this.#answer(classifications, false);
      return;
    }
    const classify = async (image: ImageSource) => {
      const timer = setTimeout(() => this.#view.showStatus('working'), sayWorkingAfter);
      signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
      try {
        const answers = await classifier.classify(image, options);
        if (!signal.aborted) this.#answer(answers, true);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      } finally {
        clearTimeout(timer);
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

  /** A misspelt attribute would do nothing, and nobody would know. */
  #warnOfMisspelt(): void {
    const known = TabserveClassifierElement.observedAttributes;
    for (const name of this.getAttributeNames()) {
      // What every element has, and what is like none of these, is somebody else's.
      const meant = known.includes(name) || name in this ? undefined : nearest(name, known);
      if (meant === undefined) continue;
      console.warn(`<${tagName}> has no attribute "${name}". Did you mean "${meant}"?`);
    }
  }

  #source(): Picture | string | File | null {
    if (this.#stream) return this.#view.video;
    if (this.#picked) return this.#picked;
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
      // Labels in the language of the texts, where the model has them.
      lang: [this.#language],
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

  #answer(classifications: readonly Classification[], still: boolean): void {
    this.#show(
      classifications,
      still && classifications.length === 0 ? 'noAnswer' : 'nothing',
      still,
    );
    this.dispatchEvent(new CustomEvent('result', { detail: classifications }));
  }

  #show(classifications: readonly Classification[], status: Status, still = true): void {
    this.#classifications = classifications;
    this.#view.showStatus(status);
    this.#view.showResults(classifications, still);
  }

  /** @param status - What it is called. @default by the error's code */
  #fail(error: unknown, status?: Status): void {
    // With a model that is there, what did not come is the picture.
    const isOfPicture =
      isTabserveError(error) &&
      (error.code.startsWith('image-') || (error.code === 'network' && this.#loaded !== null));
    this.#show([], status ?? (isOfPicture ? 'pictureError' : 'startError'));
    const message = error instanceof Error ? error.message : String(error);
    const event = new ErrorEvent('error', { error, message, cancelable: true });
    if (this.dispatchEvent(event)) console.error(error);
  }

  #number(attribute: string, otherwise: number): number {
    const text = this.getAttribute(attribute);
    return text === null || text.trim() === '' ? otherwise : Number(text);
  }

  /** @throws TabserveError `invalid-argument` for an attribute that is not a number. */
  #checkNumbers(): void {
    for (const [name, option] of Object.entries({ 'top-k': 'topK', threshold: 'threshold' })) {
      if (!Number.isNaN(this.#number(name, 0))) continue;
      const message = `<${tagName} ${name}="${this.getAttribute(name)}">: "${option}" takes a number.`;
      throw new TabserveError('invalid-argument', message, { details: { option } });
    }
  }
}

/** Defines the element, unless this page has it already. */
export function defineClassifierElement(): void {
  const registry = globalThis.customElements;
  if (registry && !registry.get(tagName)) registry.define(tagName, TabserveClassifierElement);
}

function isPicture(element: unknown): element is Picture {
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
