/** The demo page: connects where pictures come from with what shows their answers. */
import { Catalogue, digitsModel } from './catalogue.js';
import { byId, idle, nextTask } from './dom.js';
import { Kinds } from './kinds/kinds.js';
import { t, translatePage } from './language.js';
import { Loader } from './loader.js';
import { keepOffline } from './offline/register.js';
import { Requests } from './requests.js';
import { acceptAddresses } from './sources/address.js';
import { Camera } from './sources/camera.js';
import { acceptChoices } from './sources/choose.js';
import { acceptDrops } from './sources/drop.js';
import type { Incoming } from './sources/files.js';
import { Pad } from './sources/pad.js';
import { acceptPastes } from './sources/paste.js';
import { Strip } from './sources/strip.js';
import { createState, type ModelChoice, type Picture, type Settings } from './state.js';
import { Alerts } from './view/alerts.js';
import { showLabels } from './view/labels.js';
import { LibraryPanel } from './view/library.js';
import { showMetrics } from './view/metrics.js';
import { exceptFromCount, showPrivacy } from './view/privacy.js';
import { showResults } from './view/results.js';
import { Save } from './view/save.js';
import { showSettings } from './view/settings.js';
import { Stage } from './view/stage.js';
import { showStatus } from './view/status.js';
import { type TabName, Tabs } from './view/tabs.js';
import { showTheme } from './view/theme.js';
import { showTimings } from './view/timings.js';

translatePage();

const state = createState();
const alerts = new Alerts(byId('alerts', HTMLElement));
const loader = new Loader(state, alerts);
const requests = new Requests(state, alerts);
const stage = new Stage(state);
const strip = new Strip(state, show);
const save = new Save(state, alerts);
const camera = new Camera(state, alerts);
const library = new LibraryPanel(state, alerts, {
  use(model) {
    modelBeforePad = null;
    void use({ ...(state.settings.current ?? initialSettings()), model: known(model) });
  },
  cancel: () => loader.cancel(),
});
const tabs = new Tabs(tabChanged);
const pad = new Pad(
  (canvas) => requests.classify({ name: t('Your drawing'), source: canvas, origin: 'pad' }),
  () => {
    if (tabs.current === 'pad') requests.forget();
  },
);

/** The code of the other panels, which most visitors never open. */
const others = {
  teach: () => import('./kinds/teach.js').then(({ Teach }) => Teach),
  objects: () => import('./kinds/objects.js').then(({ Objects }) => Objects),
  compare: () => import('./kinds/compare.js').then(({ Compare }) => Compare),
  text: () => import('./kinds/texts.js').then(({ Texts }) => Texts),
  sound: () => import('./kinds/sounds.js').then(({ Sounds }) => Sounds),
  drift: () => import('./kinds/drift.js').then(({ Drift }) => Drift),
};

const kinds = new Kinds(
  {
    open: () => undefined,
    // A camera that nobody watches is not to go on.
    close: () => camera.stop(),
    take: takeForNaming,
  },
  {
    teach: async () => new (await others.teach())(alerts),
    objects: async () => new (await others.objects())(alerts),
    compare: async () => new (await others.compare())(alerts),
    text: async () => new (await others.text())(alerts),
    sound: async () => new (await others.sound())(alerts),
    drift: async () => new (await others.drift())(alerts),
  },
  (error) => alerts.show(error, { title: t('This part of the page could not be loaded') }),
);

/** The picture on the stage, to be asked about again when the model changes. */
let picture: Picture | null = null;
/** The model that the user had before the pad took its own. */
let modelBeforePad: ModelChoice | null = null;
let catalogue = new Catalogue([]);

keepOffline();
showTheme();
showResults(state, () => library.reveal());
showStatus(state, () => {
  const settings = state.settings.current;
  if (settings) void loader.use(settings);
});

acceptDrops(take);
acceptPastes(take, (title, message) => alerts.tell(title, message));
acceptChoices(take);
acceptAddresses(take);

void begin();

async function begin(): Promise<void> {
  try {
    catalogue = await Catalogue.read();
    // What is folded away, in a task of its own: one long one would keep a slow phone from answering a touch.
    await nextTask();
    showTimings(state);
    showLabels(state);
    showMetrics(state);
    showPrivacy(state);
    await nextTask();
    showSettings(state, catalogue, (settings) => {
      modelBeforePad = null;
      void use(settings);
    });
    await loader.use(initialSettings());
    // What may be wanted later comes while nobody waits, and before the network may go.
    const inOthers = [
      () => import('tabserve/learn'),
      () => import('tabserve/explain'),
      () => import('tabserve/server'),
      () => import('./kinds/drift-chart.js'),
    ];
    for (const code of [...Object.values(others), ...inOthers]) {
      await idle();
      await code().catch(() => undefined);
    }
    await idle();
    await loader.keepReady(catalogue.choices);
  } catch (error) {
    alerts.show(error, { title: t('The page could not start') });
  }
}

/** `?model=digits&device=wasm&dtype=fp32&threads=2` starts with other settings than the best. */
function initialSettings(): Settings {
  const asked = new URLSearchParams(location.search);
  const among = <T extends string>(name: string, values: readonly T[]): T | 'auto' =>
    values.find((value) => value === asked.get(name)) ?? 'auto';
  const threads = Number(asked.get('threads'));
  return {
    model: catalogue.find(asked.get('model')) ?? catalogue.forPictures,
    device: among('device', ['webgpu', 'wasm']),
    dtype: among('dtype', ['fp32', 'fp16', 'int8']),
    threads: Number.isInteger(threads) && threads > 0 ? threads : 'auto',
  };
}

function take(incoming: Incoming): void {
  kinds.current.take(incoming);
}

function takeForNaming(incoming: Incoming): void {
  switch (incoming.kind) {
    case 'pictures': {
      showAll(incoming.files);
      break;
    }
    case 'address':
      exceptFromCount(incoming.url);
      show({ name: addressName(incoming.url), source: incoming.url, origin: 'picture' });
      break;
    case 'model':
      void useOwnModel(incoming.files);
      break;
    case 'nothing':
      alerts.tell(t('Nothing to classify'), t('That was neither a picture nor a model.'));
  }
}

function showAll(files: readonly File[]): void {
  const [first, ...rest] = files.map(
    (file): Picture => ({ name: file.name, source: file, origin: 'picture' }),
  );
  if (!first) return;
  for (const other of rest.toReversed()) strip.add(other);
  show(first);
  const classifier = state.classifier.current;
  if (!classifier) return;
  void strip.label(rest, classifier, (shown, scores) => save.note(shown, scores));
}

function show(shown: Picture): void {
  tabs.select('picture');
  picture = shown;
  const { source } = shown;
  if (typeof source === 'string' || source instanceof Blob) stage.show(source, shown.name);
  strip.add(shown);
  requests.classify(shown);
}

/** What stands at the end of a path says more than the path. */
function addressName(url: string): string {
  if (url.startsWith('data:') || !URL.canParse(url, location.href)) return t('Typed address');
  const { pathname, hostname } = new URL(url, location.href);
  return pathname.split('/').at(-1) || hostname;
}

/** The page's own choice of that name, which it is compared with; else the given one. */
function known(model: ModelChoice): ModelChoice {
  return catalogue.find(model.key) ?? model;
}

function useOwnModel(files: readonly File[]): Promise<void> {
  const current = state.settings.current;
  const names = files.map((file) => file.name);
  const title = names.find((name) => /\.onnx$/i.test(name)) ?? names[0] ?? t('Your model');
  modelBeforePad = null;
  return use({
    ...(current ?? initialSettings()),
    model: { key: 'own', title, source: files },
  });
}

/** Loads, then asks again about what is on the stage: the old answer was another model's. */
async function use(settings: Settings): Promise<void> {
  const before = state.classifier.current;
  await loader.use(settings);
  const changed = state.classifier.current !== before && state.settings.current === settings;
  if (changed && requests.idle) askAgain();
}

function askAgain(): void {
  if (tabs.current === 'picture' && picture) requests.classify(picture);
  else if (tabs.current === 'pad') pad.again();
  else if (tabs.current === 'picture') requests.forget();
}

function tabChanged(now: TabName, before: TabName): void {
  if (before === 'camera') camera.stop();
  requests.forget();
  const settings = state.settings.current;
  const digits = catalogue.find(digitsModel);
  if (now === 'pad' && settings && digits && settings.model !== digits) {
    modelBeforePad = settings.model;
    void use({ ...settings, model: digits });
    return;
  }
  if (before === 'pad' && settings && modelBeforePad) {
    const model = modelBeforePad;
    modelBeforePad = null;
    void use({ ...settings, model });
    return;
  }
  askAgain();
}
