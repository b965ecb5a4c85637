/** Prometheus' text format, version 0.0.4. */
import { bounds, type Histogram } from '../statistics.js';

/** The labels of a sample. */
export type Labels = Readonly<Record<string, string>>;

/** A value under labels. */
export interface Sample {
  labels: Labels;
  value: number;
}

/** A metric with all its samples. */
export type Metric = { name: string; help: string } & (
  | { type: 'counter' | 'gauge'; samples: readonly Sample[] }
  | { type: 'histogram'; samples: readonly { labels: Labels; histogram: Histogram }[] }
);

/** The media type of {@link exposition}. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Writes metrics. Those without samples are left out. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map((metric) => {
      const head = `# HELP ${metric.name} ${escaped(metric.help)}\n# TYPE ${metric.name} ${metric.type}\n`;
      return head + linesOf(metric).join('');
    })
    .join('');
}

function linesOf(metric: Metric): string[] {
  const { name } = metric;
  if (metric.type !== 'histogram')
    return metric.samples.map(({ labels, value }) => line(name, labels, value));
  return metric.samples.flatMap(({ labels, histogram }) => {
    let below = 0;
    const buckets = bounds.map((bound, index) => {
      below += histogram.buckets[index] as number;
      return line(`${name}_bucket`, { ...labels, le: String(bound) }, below);
    });
    return [
      ...buckets,
      line(`${name}_bucket`, { ...labels, le: '+Inf' }, histogram.count),
      line(`${name}_sum`, labels, histogram.sum / 1000),
      line(`${name}_count`, labels, histogram.count),
    ];
  });
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
