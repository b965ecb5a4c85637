/** The form in which model and backend are chosen. */
import { type Device, ImageClassifier } from 'tabserve';
import type { Catalogue } from '../catalogue.js';
import { byId, element } from '../dom.js';
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

  for (const choice of catalogue.choices) model.append(option(choice.key, choice.title));
  threads.append(option('auto', 'Auto'));
  const most = crossOriginIsolated ? Math.min(mostThreads, navigator.hardwareConcurrency) : 1;
  for (let number = 1; number <= most; number++) threads.append(option(String(number)));
  if (!crossOriginIsolated) {
    byId('settings-note', HTMLElement).textContent =
      'More than one thread needs a page served with cross-origin isolation, which this one is not.';
  }

  state.settings.subscribe((settings) => {
    if (!settings) return;
    const own = settings.model.key;
    if (![...model.options].some((each) => each.value === own)) {
      model.append(option(own, settings.model.title));
    }
    for (const each of model.options) {
      if (each.value === own) each.textContent = settings.model.title;
    }
    model.value = own;
    device.value = settings.device;
    dtype.value = settings.dtype;
    threads.value = String(settings.threads);
    if (catalogue.find(own) === undefined) ownModel = settings.model;
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
    const each = [...device.options].find((found) => found.value === name);
    const availability = await ImageClassifier.availability({ device: name });
    if (each && availability === 'unavailable') each.textContent += ' (not in this browser)';
  }
}

function option(value: string, text = value): HTMLOptionElement {
  const made = element('option', { text });
  made.value = value;
  return made;
}
