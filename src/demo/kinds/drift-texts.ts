/** All that the drift panel says. */
import { language, t } from '../language.js';
import type { Weather } from './drift-pictures.js';

export const texts = {
  streamTitle: t('Pictures that keep coming'),
  streamHint: t(
    'A model server in this tab is asked about one picture after the other. It learns what is usual, and then watches whether pictures and answers still are.',
  ),
  stream: t('The picture that is asked about'),
  start: t('Start'),
  pause: t('Pause'),
  again: t('Start over'),
  choose: t('Use your pictures…'),
  weather: t('What the camera sees'),
  weathers: {
    usual: t('As usual'),
    dark: t('Dusk'),
    blurred: t('Out of focus'),
    noisy: t('Noise'),
  } satisfies Record<Weather, string>,
  title: t('How far from usual'),
  idle: t('Start, wait until it has learnt what is usual, and then change what the camera sees.'),
  loading: t('Loading the model…'),
  learning: (seen: number, wanted: number) =>
    t('Learning what is usual: {1} of {2} pictures.', seen, wanted),
  waiting: (seen: number, wanted: number) =>
    t('Collecting pictures to compare: {1} of {2}.', seen, wanted),
  usual: (seen: number) => t('All as usual, {1} pictures later.', seen),
  drift: (signals: readonly string[], since: number) =>
    t('Drift since picture {1}: {2}.', since, new Intl.ListFormat(language).format(signals)),
  chart: t('How far each signal is from usual, over its threshold, by the number of pictures'),
  chartHint: t('Above the dashed line is drift.'),
  pictures: t('picture'),
  ratio: t('times its threshold'),
  table: t('The latest comparison'),
  columns: [t('Signal'), t('Measure'), t('Value'), t('Drift beyond'), t('Verdict')],
  isDrift: t('drift'),
  isUsual: t('usual'),
  signals: {
    score: t('best score'),
    margin: t('margin'),
    label: t('classes'),
    brightness: t('brightness'),
    bytes: t('size of the file'),
  } as Readonly<Record<string, string>>,
  measures: {
    'stability-index': t('Stability index'),
    'kolmogorov-smirnov': t('Kolmogorov–Smirnov p'),
    'mean-discrepancy': t('Mean discrepancy'),
  },
  failed: t('The stream has stopped'),
  nothing: t('Nothing to watch'),
  dropPictures: t('Drop pictures: they become what is usual.'),
};
