import {
  afterNextRender,
  Component,
  DestroyRef,
  type ElementRef,
  inject,
  signal,
  viewChild,
} from '@angular/core';
import { ImageClassifier } from 'tabserve';

@Component({
  selector: 'app-root',
  template: `
    <img #image src="seven.png" alt="A drawn digit" />
    <output [attr.data-fallbacks]="fallbacks()">{{ answer() }}</output>
  `,
})
export class App {
  readonly image = viewChild.required<ElementRef<HTMLImageElement>>('image');
  readonly answer = signal('');
  readonly fallbacks = signal('[]');

  constructor() {
    const leaving = new AbortController();
    inject(DestroyRef).onDestroy(() => leaving.abort());
    afterNextRender(async () => {
      const { signal } = leaving;
      try {
        const classifier = await ImageClassifier.create({
          model: 'digits',
          // Angular copies them there: see "assets" in angular.json.
          wasmUrl: '/tabserve/ort/',
          modelsUrl: '/tabserve/models/',
          signal,
        });
        signal.addEventListener('abort', () => classifier.destroy());
        const [best] = await classifier.classify(this.image().nativeElement, { signal });
        this.fallbacks.set(JSON.stringify(classifier.info.fallbacks));
        this.answer.set(best?.label ?? '');
      } catch (error) {
        if (!signal.aborted) this.answer.set(String(error));
      }
    });
  }
}
