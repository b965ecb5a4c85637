/** The chart of the drift panel. Loaded with it, as the chart library is. */
import Plot, { type AlignedData } from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { element } from '../dom.js';
import { texts } from './drift-texts.js';

/** What is plotted, in the order of their colours. */
const signals = ['brightness', 'bytes', 'score', 'margin', 'label'] as const;

/** By colour and by dashes, for those who see no colours. */
const looks: Readonly<Record<(typeof signals)[number], { colour: string; dash: number[] }>> = {
  brightness: { colour: 'queue', dash: [] },
  bytes: { colour: 'decode', dash: [10, 4] },
  score: { colour: 'inference', dash: [] },
  margin: { colour: 'preprocess', dash: [4, 4] },
  label: { colour: 'postprocess', dash: [2, 3] },
};

export class DriftChart {
  readonly #box: HTMLElement;
  readonly #plot: Plot;
  readonly #changes: { at: number; name: string }[] = [];
  readonly #data: number[][] = [[], ...signals.map(() => [])];

  /** @param box - Where it goes; it takes the box's width. */
  constructor(box: HTMLElement) {
    this.#box = box;
    // The page's colours have a light and a dark value: an element knows which.
    const probe = element('span', { class: 'drift-probe' });
    box.replaceChildren(probe);
    const ink = (name: string) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    const axis = { stroke: () => ink('muted'), grid: { stroke: () => ink('line'), width: 1 } };
    this.#plot = new Plot(
      {
        width: box.clientWidth || 320,
        height: 240,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false },
          y: { range: (_plot, _min, max) => [0, Math.max(1.5, (max ?? 0) * 1.1)] },
        },
        axes: [
          { ...axis, label: texts.pictures, labelSize: 22, size: 34, space: 60 },
          { ...axis, label: texts.ratio, labelSize: 22, size: 48 },
        ],
        series: [
          {},
          ...signals.map((name) => ({
            stroke: () => ink(looks[name].colour),
            dash: looks[name].dash,
            width: 2,
            points: { show: false },
          })),
        ],
        hooks: { draw: [(plot) => this.#mark(plot, ink)] },
      },
      this.#data as unknown as AlignedData,
      box,
    );
    box.append(legend());
    new ResizeObserver(() =>
      this.#plot.setSize({ width: box.clientWidth || 320, height: 240 }),
    ).observe(box);
    const redraw = () => this.#plot.redraw();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    new MutationObserver(redraw).observe(document.documentElement, {
      attributeFilter: ['data-theme'],
    });
  }

  /** Adds a comparison, made after so many pictures. */
  add(pictures: number, ratios: Readonly<Record<string, number>>): void {
    this.#data[0]?.push(pictures);
    for (const [index, name] of signals.entries())
      this.#data[index + 1]?.push(Math.max(0, ratios[name] ?? 0));
    this.#plot.setData(this.#data as unknown as AlignedData);
  }

  /** Marks where something was changed. */
  change(pictures: number, name: string): void {
    if (this.#changes.at(-1)?.at === pictures) this.#changes.pop();
    this.#changes.push({ at: pictures, name });
    this.#plot.redraw();
  }

  clear(): void {
    for (const values of this.#data) values.length = 0;
    this.#changes.length = 0;
    this.#plot.setData(this.#data as unknown as AlignedData);
    this.#box.scrollLeft = 0;
  }

  #mark(plot: Plot, ink: (name: string) => string): void {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.strokeStyle = ink('red');
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    const y = plot.valToPos(1, 'y', true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.strokeStyle = ink('muted');
    ctx.fillStyle = ink('muted');
    ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    for (const [index, { at, name }] of this.#changes.entries()) {
      const x = plot.valToPos(at, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // Whole, also of what lies before the first comparison or at the end.
      const last = bbox.left + bbox.width - ctx.measureText(name).width;
      const place = Math.min(Math.max(x, bbox.left), last - 8 * ratio) + 4 * ratio;
      // Neighbours would be written over each other.
      ctx.fillText(name, place, bbox.top + (14 + 16 * (index % 3)) * ratio);
    }
    ctx.restore();
  }
}

function legend(): HTMLElement {
  const list = element('ul', { class: 'drift-legend' });
  for (const name of signals) {
    const mark = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    mark.setAttribute('viewBox', '0 0 24 8');
    mark.setAttribute('aria-hidden', 'true');
    const line = document.createElementNS(mark.namespaceURI, 'path') as SVGPathElement;
    line.setAttribute('d', 'M0 4h24');
    line.setAttribute('stroke-dasharray', looks[name].dash.join(' '));
    line.style.stroke = `var(--${looks[name].colour})`;
    mark.append(line);
    list.append(element('li', {}, mark, element('span', { text: texts.signals[name] ?? name })));
  }
  return list;
}
