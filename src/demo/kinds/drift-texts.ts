/** All that the drift panel says. */
import type { Weather } from './drift-pictures.js';

export const texts = {
  streamTitle: 'Pictures that keep coming',
  streamHint:
    'A model server in this tab is asked about one picture after the other. It learns what is usual, and then watches whether pictures and answers still are.',
  stream: 'The picture that is asked about',
  start: 'Start',
  pause: 'Pause',
  again: 'Start over',
  choose: 'Use your pictures…',
  weather: 'What the camera sees',
  weathers: {
    usual: 'As usual',
    dark: 'Dusk',
    blurred: 'Out of focus',
    noisy: 'Noise',
  } satisfies Record<Weather, string>,
  title: 'How far from usual',
  idle: 'Start, wait until it has learnt what is usual, and then change what the camera sees.',
  loading: 'Loading the model…',
  learning: (seen: number, wanted: number) =>
    `Learning what is usual: ${seen} of ${wanted} pictures.`,
  waiting: (seen: number, wanted: number) =>
    `Collecting pictures to compare: ${seen} of ${wanted}.`,
  usual: (seen: number) => `All as usual, ${seen} pictures later.`,
  drift: (signals: readonly string[], since: number) =>
    `Drift since picture ${since}: ${new Intl.ListFormat('en').format(signals)}.`,
  chart: 'How far each signal is from usual, over its threshold, by the number of pictures',
  chartHint: 'Above the dashed line is drift.',
  pictures: 'picture',
  ratio: 'times its threshold',
  table: 'The latest comparison',
  columns: ['Signal', 'Measure', 'Value', 'Drift beyond', ''],
  isDrift: 'drift',
  isUsual: 'usual',
  signals: {
    score: 'best score',
    margin: 'margin',
    label: 'classes',
    brightness: 'brightness',
    bytes: 'size of the file',
  } as Readonly<Record<string, string>>,
  measures: {
    'stability-index': 'Stability index',
    'kolmogorov-smirnov': 'Kolmogorov–Smirnov p',
    'mean-discrepancy': 'Mean discrepancy',
  },
  failed: 'The stream has stopped',
  nothing: 'Nothing to watch',
  dropPictures: 'Drop pictures: they become what is usual.',
};
