/** A model of the visitor's own: pictures by class, a head in seconds, and how good it is. */
import { type ImageClassifier, isTabserveError } from 'tabserve';
import type { Example, TaughtModel, Trainer } from 'tabserve/learn';
import { byId, element } from '../dom.js';
import { count, percent } from '../format.js';
import { t } from '../language.js';
import type { Incoming } from '../sources/files.js';
import type { Alerts } from '../view/alerts.js';
import { showBars } from './bars.js';
import type { Kind } from './kinds.js';
import { Recorder } from './recorder.js';
import { showReport } from './teach-report.js';

/** Pictures of a class that are shown; the others are counted. */
const mostShown = 8;

/** Pictures that one press of the camera's button takes, and the milliseconds between two. */
const burst = { frames: 15, interval: 120 };

/** A class on the page. */
interface Lesson {
  label: string;
  card: HTMLLIElement;
  name: HTMLInputElement;
  pictures: HTMLUListElement;
  counted: HTMLElement;
  record: HTMLButtonElement;
}

export class Teach implements Kind {
  readonly #alerts: Alerts;
  readonly #lessons: Lesson[] = [];
  readonly #recorder = new Recorder(byId('teach-video', HTMLVideoElement));
  readonly #train = byId('teach-train', HTMLButtonElement);
  readonly #status = byId('teach-status', HTMLElement);
  readonly #bar = byId('teach-progress', HTMLProgressElement);
  readonly #urls = new Map<number, string>();
  #trainer: Promise<Trainer> | undefined;
  #model: TaughtModel | undefined;
  #classifier: ImageClassifier | undefined;
  #training: AbortController | undefined;
  #asked: Blob | undefined;
  #adding = 0;

  constructor(alerts: Alerts) {
    this.#alerts = alerts;
    byId('teach-add', HTMLButtonElement).addEventListener('click', () => {
      this.#addLesson().name.select();
    });
    const folder = byId('teach-folder', HTMLInputElement);
    byId('teach-folder-choose', HTMLButtonElement).addEventListener('click', () => folder.click());
    folder.addEventListener('change', () => {
      const files = [...(folder.files ?? [])];
      folder.value = '';
      void this.#addFolders(files);
    });
    const zip = byId('teach-zip', HTMLInputElement);
    byId('teach-zip-choose', HTMLButtonElement).addEventListener('click', () => zip.click());
    zip.addEventListener('change', () => {
      const [file] = zip.files ?? [];
      zip.value = '';
      if (file) void this.#addFolders(file);
    });
    byId('teach-undo', HTMLButtonElement).addEventListener('click', () => void this.#undo());
    this.#train.addEventListener('click', () => void this.#teach());
    const ask = byId('teach-ask', HTMLInputElement);
    byId('teach-ask-choose', HTMLButtonElement).addEventListener('click', () => ask.click());
    ask.addEventListener('change', () => {
      const [file] = ask.files ?? [];
      ask.value = '';
      if (file) void this.#ask(file);
    });
    byId('teach-why', HTMLButtonElement).addEventListener('click', () => void this.#explain());
    byId('teach-export', HTMLButtonElement).addEventListener('click', () => void this.#export());
    byId('teach-keep', HTMLButtonElement).addEventListener('click', () => void this.#keep());
    this.#addLesson();
    this.#addLesson();
    this.#show();
  }

  open(): void {
    this.#load().catch(() => undefined);
  }

  close(): void {
    this.#recorder.stop();
  }

  /** What is dropped is asked about once there is a model; before, a class takes it. */
  take(incoming: Incoming): void {
    if (incoming.kind !== 'pictures') {
      this.#alerts.tell(
        t('Nothing to learn from'),
        t('Drop pictures, or a folder with one folder per class.'),
      );
      return;
    }
    const [first, ...others] = incoming.files;
    if (!first) return;
    if (this.#model && others.length === 0) {
      void this.#ask(first);
      return;
    }
    const inFolders = incoming.files.some(({ webkitRelativePath }) => webkitRelativePath !== '');
    const isZip = /\.zip$/i.test(first.name);
    if (isZip) void this.#addFolders(first);
    else if (inFolders) void this.#addFolders(incoming.files);
    else void this.#add(this.#emptiest(), incoming.files);
  }

  #emptiest(): Lesson {
    const empty = this.#lessons.find(({ pictures }) => pictures.childElementCount === 0);
    return empty ?? this.#addLesson();
  }

  #load(): Promise<Trainer> {
    const loading =
      this.#trainer ?? import('tabserve/learn').then(({ Trainer }) => Trainer.create());
    this.#trainer = loading;
    loading.catch((error: unknown) => {
      if (this.#trainer === loading) this.#trainer = undefined;
      this.#alerts.show(error, { title: t('Teaching could not begin') });
    });
    return loading;
  }

  #addLesson(label = this.#freeLabel()): Lesson {
    const name = element('input', { class: 'lesson-name' });
    name.type = 'text';
    name.value = label;
    name.maxLength = 60;
    name.setAttribute('aria-label', t('Name of the class'));
    const file = element('input');
    file.type = 'file';
    file.accept = 'image/*';
    file.multiple = true;
    file.hidden = true;
    const choose = element('button', { class: 'button', text: t('Pictures…') });
    const record = element('button', { class: 'button', text: t('Camera') });
    const remove = element('button', { class: 'lesson-remove', text: '×' });
    for (const button of [choose, record, remove]) button.type = 'button';
    const counted = element('span', { class: 'lesson-count' });
    const pictures = element('ul', { class: 'lesson-pictures' });
    const card = element(
      'li',
      { class: 'lesson' },
      element('div', { class: 'lesson-head' }, name, counted, remove),
      pictures,
      element('div', { class: 'controls' }, choose, record, file),
    );
    const lesson: Lesson = { label, card, name, pictures, counted, record };
    this.#lessons.push(lesson);
    byId('teach-lessons', HTMLUListElement).append(card);
    choose.addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const files = [...(file.files ?? [])];
      file.value = '';
      void this.#add(lesson, files);
    });
    record.addEventListener('click', () => void this.#record(lesson));
    remove.addEventListener('click', () => void this.#removeLesson(lesson));
    name.addEventListener('change', () => void this.#rename(lesson));
    this.#show();
    return lesson;
  }

  #freeLabel(): string {
    for (let number = 1; ; number += 1) {
      const label = t('Class {1}', number);
      if (!this.#lessons.some((lesson) => lesson.label === label)) return label;
    }
  }

  async #rename(lesson: Lesson): Promise<void> {
    const label = lesson.name.value.trim();
    const isTaken = this.#lessons.some((other) => other !== lesson && other.label === label);
    if (label === '' || isTaken) {
      if (isTaken)
        this.#alerts.tell(t('That name is taken'), t('Two classes cannot have the same name.'));
      lesson.name.value = lesson.label;
      return;
    }
    const trainer = await this.#load();
    if (trainer.labels.some((each) => each.label === lesson.label)) {
      trainer.rename(lesson.label, label);
      this.#forgetModel();
    }
    lesson.label = label;
    this.#show();
  }

  async #removeLesson(lesson: Lesson): Promise<void> {
    const trainer = await this.#load();
    trainer.remove(trainer.examples.filter(({ label }) => label === lesson.label));
    this.#lessons.splice(this.#lessons.indexOf(lesson), 1);
    lesson.card.remove();
    this.#forgetModel();
    this.#show(trainer);
  }

  async #add(lesson: Lesson, files: readonly File[]): Promise<void> {
    await this.#adds(async (trainer) => {
      const { failed } = await trainer.add(lesson.label, files, {
        onProgress: (done) => this.#say(`${done} of ${count(files.length, 'picture', 'pictures')}`),
      });
      return failed;
    });
  }

  async #addFolders(source: File | readonly File[]): Promise<void> {
    await this.#adds(async (trainer) => {
      const { failed } = await trainer.addFolders(source as File, {
        onProgress: (done) => this.#say(count(done, 'picture', 'pictures')),
      });
      return failed;
    });
  }

  async #record(lesson: Lesson): Promise<void> {
    lesson.record.disabled = true;
    try {
      const video = await this.#recorder.start();
      await this.#adds(async (trainer) => {
        const { failed } = await trainer.add(lesson.label, video, {
          ...burst,
          onProgress: (done) =>
            this.#say(t('{1} of {2} pictures from the camera', done, burst.frames)),
        });
        return failed;
      });
    } catch (error) {
      this.#alerts.tell(t('The camera did not start'), Recorder.reason(error));
    } finally {
      lesson.record.disabled = false;
    }
  }

  /** Has examples added, and says what could not be. */
  async #adds(
    task: (trainer: Trainer) => Promise<readonly { name: string; error: unknown }[]>,
  ): Promise<void> {
    this.#adding += 1;
    this.#show();
    try {
      const trainer = await this.#load();
      const failed = await task(trainer);
      const known = new Set(this.#lessons.map(({ label }) => label));
      for (const { label } of trainer.labels) if (!known.has(label)) this.#adopt(label, trainer);
      this.#forgetModel();
      const names = failed.map(({ name }) => name || 'one').join(', ');
      if (failed.length > 0) {
        const title = t('{1} could not be read', count(failed.length, 'file', 'files'));
        this.#alerts.tell(title, t('The rest was taken. Left out: {1}', names));
      }
    } catch (error) {
      if (isTabserveError(error, 'destroyed')) return;
      this.#alerts.show(error, { title: t('These could not be added') });
    } finally {
      this.#adding -= 1;
      this.#show(await this.#trainer?.catch(() => undefined));
    }
  }

  /** A class that came with a folder takes the place of an empty one. */
  #adopt(label: string, trainer: Trainer): void {
    const counts = new Map(trainer.labels.map((each) => [each.label, each.examples]));
    const empty = this.#lessons.find((lesson) => !counts.has(lesson.label));
    if (!empty) {
      this.#addLesson(label);
      return;
    }
    empty.label = label;
    empty.name.value = label;
  }

  async #undo(): Promise<void> {
    const trainer = await this.#load();
    trainer.undo();
    const labels = new Set(this.#lessons.map(({ label }) => label));
    for (const { label } of trainer.labels) if (!labels.has(label)) this.#addLesson(label);
    this.#forgetModel();
    this.#show(trainer);
  }

  async #teach(): Promise<void> {
    if (this.#training) {
      this.#training.abort();
      return;
    }
    const training = new AbortController();
    this.#training = training;
    this.#bar.value = 0;
    this.#bar.hidden = false;
    this.#train.textContent = t('Stop');
    const began = performance.now();
    try {
      const trainer = await this.#load();
      const model = await trainer.train({
        signal: training.signal,
        onProgress: ({ done }) => {
          this.#bar.value = done;
        },
      });
      const classifier = await model.classifier({ explanations: true });
      this.#classifier?.destroy();
      this.#model = model;
      this.#classifier = classifier;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      this.#say(t('Taught in {1} s, on this device. Now ask it about a picture.', seconds));
      showReport(model, (example) => this.#urlOf(example));
      if (this.#asked) await this.#ask(this.#asked);
    } catch (error) {
      if (training.signal.aborted) this.#say('Stopped.');
      else this.#alerts.show(error, { title: t('It could not be taught') });
    } finally {
      this.#training = undefined;
      this.#bar.hidden = true;
      this.#show(await this.#trainer?.catch(() => undefined));
    }
  }

  /** By the taught model, or by the nearest pictures while there is none. */
  async #ask(picture: Blob): Promise<void> {
    this.#asked = picture;
    const image = byId('teach-asked', HTMLImageElement);
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(picture);
    image.hidden = false;
    byId('teach-heat', HTMLCanvasElement).hidden = true;
    const answers = byId('teach-answers', HTMLOListElement);
    const summary = byId('teach-answer', HTMLElement);
    try {
      const classifier = this.#classifier;
      const trainer = await this.#load();
      if (!classifier && trainer.labels.length < 2) {
        summary.textContent = t('It needs pictures of two classes before it can answer.');
        answers.replaceChildren();
        return;
      }
      const found = classifier
        ? await classifier.classify(picture, { topK: 5 })
        : await trainer.preview(picture);
      if (this.#asked !== picture) return;
      const [best] = found;
      summary.textContent = best
        ? classifier
          ? `${best.label}, ${percent(best.score)}`
          : t(
              '{1}, {2} of the nearest pictures. Teach it for a real answer.',
              best.label,
              percent(best.score),
            )
        : t('No answer.');
      showBars(answers, found);
    } catch (error) {
      if (isTabserveError(error, 'destroyed')) return;
      this.#alerts.show(error, { title: t('It could not answer') });
    }
  }

  async #explain(): Promise<void> {
    const [classifier, picture] = [this.#classifier, this.#asked];
    if (!classifier || !picture) return;
    const why = byId('teach-why', HTMLButtonElement);
    why.disabled = true;
    try {
      const { explain } = await import('tabserve/explain');
      const explanation = await explain(classifier, picture);
      const overlay = await explanation.overlay();
      const canvas = byId('teach-heat', HTMLCanvasElement);
      canvas.width = overlay.width;
      canvas.height = overlay.height;
      canvas.getContext('2d')?.drawImage(overlay, 0, 0);
      overlay.close();
      canvas.hidden = false;
    } catch (error) {
      this.#alerts.show(error, { title: t('It could not be explained') });
    } finally {
      why.disabled = false;
    }
  }

  async #export(): Promise<void> {
    const model = this.#model;
    if (!model) return;
    try {
      const zip = await model.zip({ name: this.#name });
      const link = element('a');
      link.href = URL.createObjectURL(zip);
      link.download = zip.name;
      link.click();
      // The browser has taken hold of it when the click is over; to be sure, a moment later.
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      this.#alerts.show(error, { title: t('It could not be exported') });
    }
  }

  async #keep(): Promise<void> {
    const model = this.#model;
    if (!model) return;
    try {
      await model.install({ name: this.#name });
      this.#say(t('Kept in this browser as “{1}”: the library below has it.', this.#name));
    } catch (error) {
      this.#alerts.show(error, { title: t('It could not be kept') });
    }
  }

  get #name(): string {
    const typed = byId('teach-name', HTMLInputElement).value.trim();
    const safe = typed.replaceAll(/[^\w.-]+/g, '-').replace(/^[^\w]+/, '');
    return safe === '' ? 'my-model' : safe.slice(0, 60);
  }

  /** The examples have changed: what was taught by the former ones is out of date. */
  #forgetModel(): void {
    this.#model = undefined;
    this.#classifier?.destroy();
    this.#classifier = undefined;
    showReport(null, () => '');
  }

  #urlOf(example: Example): string {
    const known = this.#urls.get(example.id);
    if (known !== undefined) return known;
    const url = example.image ? URL.createObjectURL(example.image) : '';
    this.#urls.set(example.id, url);
    return url;
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }

  #show(trainer?: Trainer): void {
    if (trainer) this.#showExamples(trainer.examples);
    const ready = (trainer?.labels ?? []).filter(({ examples }) => examples > 0).length;
    const canTeach = ready >= 2 && this.#adding === 0;
    this.#train.textContent = this.#training ? t('Stop') : t('Teach it');
    this.#train.disabled = !this.#training && !canTeach;
    byId('teach-why', HTMLButtonElement).hidden = !this.#classifier;
    byId('teach-export', HTMLButtonElement).disabled = !this.#model;
    byId('teach-keep', HTMLButtonElement).disabled = !this.#model;
    if (this.#model || this.#training || this.#adding > 0) return;
    this.#say(
      ready >= 2
        ? t('Ready to be taught.')
        : t('Give at least two classes a few pictures each. Ten of each are a good start.'),
    );
  }

  #showExamples(examples: readonly Example[]): void {
    const there = new Set(examples.map(({ id }) => id));
    for (const [id, url] of this.#urls) {
      if (there.has(id)) continue;
      if (url !== '') URL.revokeObjectURL(url);
      this.#urls.delete(id);
    }
    for (const lesson of this.#lessons) {
      const own = examples.filter(({ label }) => label === lesson.label);
      lesson.counted.textContent = own.length > 0 ? count(own.length, 'picture', 'pictures') : '';
      lesson.pictures.replaceChildren(
        ...own.slice(-mostShown).map((example) => {
          const image = element('img', { class: 'lesson-picture' });
          image.src = this.#urlOf(example);
          image.alt = '';
          return element('li', {}, image);
        }),
      );
    }
  }
}
