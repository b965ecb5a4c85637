/** The benchmark's numbers for people: a table, and a page with plots. */
import type { BenchCase } from './cases.js';
import { type Effort, quantile, type Sample } from './visit.js';

/** All visits of one case. */
export interface CaseResult {
  case: BenchCase;
  samples: Sample[];
  /** The machine's load average before each. */
  loads: number[];
  /** Why it was not measured, or not to the end. */
  notRun?: string;
}

/** One run of the benchmark. */
export interface RunResult {
  date: string;
  command: string;
  machine: string;
  browser: string;
  effort: Effort;
  cases: CaseResult[];
}

type MetricName = {
  [Name in keyof Sample]-?: NonNullable<Sample[Name]> extends number ? Name : never;
}[keyof Sample];

interface Metric {
  name: MetricName;
  title: string;
  unit: 'ms' | 'per s' | 'KB' | 'MB';
}

const metrics: readonly Metric[] = [
  { name: 'latency', title: 'per photo (2 megapixel JPEG)', unit: 'ms' },
  { name: 'latencyP95', title: 'per photo, 95th percentile', unit: 'ms' },
  { name: 'latencyBest', title: 'per photo, fastest', unit: 'ms' },
  { name: 'cpuPerPhoto', title: 'processor time per photo', unit: 'ms' },
  { name: 'throughput', title: 'photos, many at once', unit: 'per s' },
  { name: 'coldStart', title: 'first answer, nothing cached', unit: 'ms' },
  { name: 'warmStart', title: 'first answer, second visit', unit: 'ms' },
  { name: 'coldStartSlow', title: 'first answer, nothing cached, 50 Mbit/s + 20 ms', unit: 'ms' },
  { name: 'warmStartSlow', title: 'first answer, second visit, 50 Mbit/s + 20 ms', unit: 'ms' },
  { name: 'cpuStart', title: 'processor time up to the first answer', unit: 'ms' },
  { name: 'loadBlocking', title: 'main thread blocked while loading', unit: 'ms' },
  { name: 'loadLongestTask', title: 'longest main-thread task while loading', unit: 'ms' },
  { name: 'classifyBlocking', title: 'main thread blocked while classifying', unit: 'ms' },
  { name: 'classifyLongestTask', title: 'longest main-thread task while classifying', unit: 'ms' },
  { name: 'videoFps', title: 'video: answers', unit: 'per s' },
  { name: 'videoLatencyP95', title: 'video: age of an answer, 95th percentile', unit: 'ms' },
  { name: 'pageFrameP50', title: "video: the page's own frame interval, median", unit: 'ms' },
  {
    name: 'pageFrameP99',
    title: "video: the page's own frame interval, 99th percentile",
    unit: 'ms',
  },
  { name: 'scriptBytes', title: 'JavaScript downloaded', unit: 'KB' },
  { name: 'wasmBytes', title: 'WebAssembly downloaded', unit: 'KB' },
  { name: 'modelBytes', title: 'model downloaded', unit: 'KB' },
  { name: 'warmBytes', title: 'downloaded again on a second visit', unit: 'KB' },
  { name: 'memory', title: 'memory of the renderer', unit: 'MB' },
  { name: 'memoryMany', title: 'memory of the renderer, right after many at once', unit: 'MB' },
];

/** The median of a metric over a case's samples; `undefined` where it was not measured. */
export function median(result: CaseResult, metric: MetricName): number | undefined {
  const values = result.samples.flatMap((sample) => sample[metric] ?? []);
  return values.length > 0 ? quantile(values, 0.5) : undefined;
}

/** A Markdown report. */
export function toTable(run: RunResult): string {
  const measured = run.cases.filter(({ samples }) => samples.length > 0);
  const reference = measured.find(({ case: { name } }) => name === 'tabserve');
  const lines = [
    `${run.date}, ${run.browser}, ${run.machine}`,
    `\`${run.command}\`: ${run.effort.rounds} rounds, medians; load average ${loadRange(measured)}. In brackets: times tabserve's (1 thread) number.`,
    '',
    `| | ${measured.map(({ case: { title, precision } }) => `${title} (${precision})`).join(' | ')} |`,
    `|---|${measured.map(() => '---:').join('|')}|`,
  ];
  for (const metric of metrics) {
    const base = reference && median(reference, metric.name);
    const cells = measured.map((result) => {
      const value = median(result, metric.name);
      if (value === undefined) return '–';
      const ratio = base && result !== reference ? ` (${(value / base).toFixed(2)}×)` : '';
      return format(value, metric.unit) + ratio;
    });
    lines.push(`| ${metric.title}, ${metric.unit} | ${cells.join(' | ')} |`);
  }
  for (const {
    case: { title },
    notRun,
    samples,
  } of run.cases) {
    if (notRun)
      lines.push('', `Not run${samples.length > 0 ? ' to the end' : ''}: ${title}: ${notRun}.`);
  }
  return `${lines.join('\n')}\n`;
}

function loadRange(results: readonly CaseResult[]): string {
  const loads = results.flatMap(({ loads }) => loads);
  return `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
}

function format(value: number, unit: Metric['unit']): string {
  switch (unit) {
    case 'KB':
      return (value / 1000).toFixed(0);
    case 'MB':
      return (value / 1e6).toFixed(0);
    default:
      return value < 100 ? value.toFixed(1) : value.toFixed(0);
  }
}

/** A page that needs nothing else: one plot per metric, every sample a dot, medians as bars. */
export function toHtml(run: RunResult): string {
  const measured = run.cases.filter(({ samples }) => samples.length > 0);
  const plots = metrics
    .map((metric) => plot(metric, measured))
    .filter((svg) => svg !== '')
    .join('\n');
  const notRun = run.cases
    .filter((result) => result.notRun)
    .map(
      ({ case: { title }, notRun }) => `<li>${escapeHtml(title)}: ${escapeHtml(notRun ?? '')}</li>`,
    )
    .join('');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tabserve: benchmark</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  figure { margin: 2rem 0; }
  figcaption { font-weight: 600; }
  svg { width: 100%; height: auto; }
  text { fill: currentColor; font-size: 12px; }
  .bar { fill: #9aa4b2; } .ours { fill: #2f7df6; } .limit { fill: #e0a100; }
  .dot { fill: currentColor; opacity: .55; }
</style>
<h1>tabserve: benchmark</h1>
<p>${escapeHtml(run.date)} · ${escapeHtml(run.browser)} · ${escapeHtml(run.machine)}<br>
<code>${escapeHtml(run.command)}</code>: ${run.effort.rounds} rounds; load average ${loadRange(measured)}</p>
<p>Bars are medians over the rounds, dots are rounds. Compare within this page only.</p>
${notRun && `<p>Not run:</p><ul>${notRun}</ul>`}
${plots}
</html>
`;
}

function plot({ name, title, unit }: Metric, results: readonly CaseResult[]): string {
  const rows = results.filter((result) => median(result, name) !== undefined);
  if (rows.length === 0) return '';
  const left = 290;
  const width = 900;
  const rowHeight = 24;
  const values = rows.flatMap(({ samples }) => samples.flatMap((sample) => sample[name] ?? []));
  const scale = (width - left - 90) / Math.max(...values, Number.MIN_VALUE);
  const body = rows.map((result, row) => {
    const value = median(result, name) ?? 0;
    const y = row * rowHeight;
    const kind =
      result.case.page === 'bare' ? 'limit' : result.case.page === 'tabserve' ? 'ours' : '';
    const dots = result.samples
      .flatMap((sample) => sample[name] ?? [])
      .map(
        (each) =>
          `<circle class="dot" cx="${(left + each * scale).toFixed(1)}" cy="${y + 11}" r="2.5"/>`,
      );
    return `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escapeHtml(`${result.case.title} (${result.case.precision})`)}</text>
<rect class="bar ${kind}" x="${left}" y="${y + 3}" width="${(value * scale).toFixed(1)}" height="16"/>${dots.join('')}
<text x="${(left + Math.max(...result.samples.map((sample) => sample[name] ?? 0)) * scale + 8).toFixed(1)}" y="${y + 15}">${format(value, unit)}</text>`;
  });
  return `<figure><figcaption>${escapeHtml(title)}, ${unit}</figcaption>
<svg viewBox="0 0 ${width} ${rows.length * rowHeight}" role="img" aria-label="${escapeHtml(title)}">
${body.join('\n')}
</svg></figure>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
