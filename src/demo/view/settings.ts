/** The form in which model and backend are chosen. */
import { type Device, ImageClassifier } from 'tabserve';
import type { Catalogue } from '../catalogue.js';
import { byId, element, idle } from '../dom.js';
import { t } from '../language.js';
import type { Settings, State } from '../state.js';

const devices: readonly Device[] = ['webgpu', 'wasm'];
const mostThreads = 8;

/** Fills the form, keeps it in step with the settings in use, and reports the user's changes. */
export function showSettings(
  state: State,
  catalogue: Catalogue,
  changed: (settings: Settings) => void,
): void {
  const model = byId('set-model', HTMLSelectElement);
  const device = byId('set-device', HTMLSelectElement);
  const dtype = byId('set-dtype', HTMLSelectElement);
  const threads = byId('set-threads', HTMLSelectElement);
  const form = byId('settings', HTMLFormElement);
  let ownModel: Settings['model'] | undefined;

  const own = option('own');
  const nameOwn = (title: string): void => {
    own.value = ownModel?.key ?? 'own';
    own.textContent = title;
    if (!own.isConnected) model.append(own);
  };

  for (const choice of catalogue.choices) model.append(option(choice.key, choice.title));
  threads.append(option('auto', t('Auto')));
  const most = crossOriginIsolated ? Math.min(mostThreads, navigator.hardwareConcurrency) : 1;
  for (let number = 1; number <= most; number++) threads.append(option(String(number)));
  if (!crossOriginIsolated) {
    byId('settings-note', HTMLElement).textContent = t(
      'More than one thread needs a page served with cross-origin isolation, which this one is not.',
    );
  }

  state.settings.subscribe((settings) => {
    if (!settings) return;
    if (!catalogue.choices.includes(settings.model) && ownModel !== settings.model) {
      ownModel = settings.model;
      nameOwn(ownModel.title);
    }
    model.value = settings.model.key;
    device.value = settings.device;
    dtype.value = settings.dtype;
    threads.value = String(settings.threads);
  });

  // A model of one's own has its title inside.
  state.classifier.subscribe((classifier) => {
    const used = state.settings.current?.model;
    if (classifier && used && used === ownModel) nameOwn(classifier.info.model.title);
  });

  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () => {
    const choice = catalogue.find(model.value) ?? ownModel;
    if (!choice) return;
    changed({
      model: choice,
      device: device.value as Settings['device'],
      dtype: dtype.value as Settings['dtype'],
      threads: threads.value === 'auto' ? 'auto' : Number(threads.value),
    });
  });
  void markUnavailable(device);
}

async function markUnavailable(device: HTMLSelectElement): Promise<void> {
  for (const name of devices) {
    await idle();
    const each = [...device.options].find((found) => found.value === name);
    const availability = await ImageClassifier.availability({ device: name });
    if (each && availability === 'unavailable')
      each.textContent = t('{1} (not in this browser)', each.textContent);
  }
}

function option(value: string, text = value): HTMLOptionElement {
  const made = element('option', { text });
  made.value = value;
  return made;
}
