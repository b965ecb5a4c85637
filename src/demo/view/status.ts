/** How far the load is, and what the classifier runs on and why. */
import type { ClassifierInfo, ImageClassifier } from 'tabserve';
import { byId, element, fillFacts } from '../dom.js';
import { bytes, count, milliseconds } from '../format.js';
import { t } from '../language.js';
import type { Load, State } from '../state.js';
import { announce } from './announce.js';

const deviceNames = { webgpu: 'WebGPU', wasm: 'WebAssembly' } as const;

/** Shows the load's progress, then what came of it. */
export function showStatus(state: State, retry: () => void): void {
  const title = byId('load-title', HTMLElement);
  const detail = byId('load-detail', HTMLElement);
  const bar = byId('load-bar', HTMLProgressElement);
  const again = byId('load-retry', HTMLButtonElement);
  again.addEventListener('click', retry);

  let announced: Load['phase'] | null = null;
  state.load.subscribe((load) => {
    const info = state.classifier.current?.info ?? null;
    again.hidden = load.phase !== 'failed';
    if (load.phase !== 'starting') detail.classList.remove('late');
    bar.toggleAttribute('data-done', load.phase === 'ready');
    if (load.phase === 'loading') {
      title.textContent = t('Loading “{1}”…', t(load.title));
      detail.textContent =
        load.total > 0
          ? t('{1} of {2}', bytes(load.loaded), bytes(load.total))
          : t('Asking for it…');
      if (load.total > 0) bar.value = load.loaded / load.total;
      else bar.removeAttribute('value');
    } else if (load.phase === 'ready' && info) {
      title.textContent = t('“{1}” is ready', t(info.model.title));
      detail.textContent = loaded(info);
      bar.value = 1;
    } else if (load.phase === 'failed') {
      title.textContent = t('“{1}” could not be loaded', t(load.title));
      detail.textContent = t('The message says why.');
      bar.value = 0;
    }
    if (load.phase !== announced && load.phase !== 'starting') {
      announced = load.phase;
      announce(title.textContent ?? '');
    }
  });

  let listening: AbortController | null = null;
  state.classifier.subscribe((classifier) => {
    listening?.abort();
    listening = new AbortController();
    if (!classifier) return;
    showInfo(classifier);
    const options = { signal: listening.signal };
    const update = (): void => {
      showInfo(classifier);
      // The device and its threads may have changed since.
      if (state.load.current.phase === 'ready') detail.textContent = loaded(classifier.info);
    };
    classifier.addEventListener('statechange', update, options);
    classifier.addEventListener('devicechange', update, options);
  });
}

function showInfo(classifier: ImageClassifier): void {
  const { info, state } = classifier;
  const chip = byId('state-chip', HTMLElement);
  chip.textContent = t(state);
  chip.dataset.state = state;

  byId('reason', HTMLElement).textContent = t(info.reason);
  byId('fallbacks', HTMLElement).replaceChildren(
    ...info.fallbacks.map((fallback) =>
      element('li', { text: `${fallback.from} → ${fallback.to}: ${fallback.reason}` }),
    ),
  );
  const { model, load } = info;
  fillFacts(byId('facts', HTMLElement), [
    [t('State'), t(state)],
    [t('Device'), deviceNames[info.device]],
    [t('Adapter'), info.adapter ?? t('none: runs on the processor')],
    [t('Precision'), precision(info)],
    [t('Threads'), info.device === 'wasm' ? String(info.threads) : t('the graphics card’s')],
    [t('Engine'), t('ONNX Runtime, {1} build', info.engine)],
    [t('Model'), `${model.name} ${model.version}`],
    [t('Weights'), `${model.file}, ${bytes(model.bytes)}`],
    [t('Input'), t('{1} × {2} pixels', model.width, model.height)],
    [t('Classes'), count(model.labels.length, 'class', 'classes')],
    [t('Licence'), model.license ?? t('not stated')],
    [
      t('Load'),
      t(
        'engine {1}, model {2}, session {3}, warm-up {4}',
        milliseconds(load.engine),
        milliseconds(load.model),
        milliseconds(load.session),
        milliseconds(load.warmup),
      ),
    ],
  ]);
}

function precision({ dtype, computeDtype }: ClassifierInfo): string {
  return dtype === computeDtype ? dtype : t('{1} weights, computed in {2}', dtype, computeDtype);
}

function loaded(info: ClassifierInfo): string {
  return t('{1} · loaded in {2}', summary(info), milliseconds(info.load.total));
}

function summary(info: ClassifierInfo): string {
  const threads = info.device === 'wasm' ? ` · ${count(info.threads, 'thread', 'threads')}` : '';
  return `${deviceNames[info.device]} · ${info.dtype}${threads}`;
}
