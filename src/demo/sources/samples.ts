/** The pictures that come with the page. They are drawings, part of the script: no request. */
import { byId, element } from '../dom.js';
import type { State } from '../state.js';

const drawings = import.meta.glob<string>('../samples/*/*.svg', {
  query: '?raw',
  import: 'default',
  eager: true,
});

interface Sample {
  /** The model that it is meant for. */
  model: string;
  title: string;
  file: File;
}

const samples: readonly Sample[] = Object.entries(drawings).map(([path, svg]) => {
  const [model = '', file = ''] = path.split('/').slice(-2);
  const title = file
    .replace(/\.svg$/, '')
    .replace(/^\d+-/, '')
    .replaceAll('-', ' ');
  return { model, title, file: new File([svg], `${title}.svg`, { type: 'image/svg+xml' }) };
});

/** Shows the samples that suit the model in use, or all photographs' ones for a model of one's own. */
export function offerSamples(state: State, take: (file: File, title: string) => void): void {
  const list = byId('samples', HTMLElement);
  let shown: string | null = null;
  state.settings.subscribe((settings) => {
    const own = samples.some((sample) => sample.model === settings?.model.key);
    const model = own && settings ? settings.model.key : 'everyday';
    if (model === shown) return;
    shown = model;
    list.replaceChildren(
      ...samples
        .filter((sample) => sample.model === model)
        .map((sample) => element('li', {}, thumbnail(sample, take))),
    );
  });
}

function thumbnail(sample: Sample, take: (file: File, title: string) => void): HTMLElement {
  const image = element('img');
  image.src = URL.createObjectURL(sample.file);
  image.alt = '';
  image.width = 72;
  image.height = 72;
  const name = element('span', { text: sample.title });
  const button = element('button', { class: 'sample' }, image, name);
  button.type = 'button';
  button.addEventListener('click', () => take(sample.file, sample.title));
  return button;
}
