/** A drawing as strokes, and its rendering. Knows no events. */

export interface Point {
  x: number;
  y: number;
}

export type Stroke = Point[];

/** A stroke's width as a part of the pad's side. */
const penWidth = 0.075;

/** Draws the strokes as they were drawn. Points are parts of the pad's side, 0…1. */
export function render(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  trace(canvas, strokes, (point) => point);
}

/**
 * Draws the strokes as MNIST's makers prepared their digits: the longer side 20 of 28 pixels, the
 * middle in the middle, whatever the size and place on the pad. The pen keeps its width.
 */
export function renderCentred(canvas: HTMLCanvasElement, strokes: readonly Stroke[]): void {
  const points = strokes.flat();
  const left = Math.min(...points.map((point) => point.x));
  const right = Math.max(...points.map((point) => point.x));
  const top = Math.min(...points.map((point) => point.y));
  const bottom = Math.max(...points.map((point) => point.y));
  // A dot has no extent: it stays a dot.
  const scale = Math.min(4, (20 / 28 - penWidth) / Math.max(right - left, bottom - top, 1e-6));
  trace(canvas, strokes, ({ x, y }) => ({
    x: 0.5 + (x - (left + right) / 2) * scale,
    y: 0.5 + (y - (top + bottom) / 2) * scale,
  }));
}

function trace(
  canvas: HTMLCanvasElement,
  strokes: readonly Stroke[],
  place: (point: Point) => Point,
): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const side = canvas.width;
  context.fillStyle = '#000';
  context.fillRect(0, 0, side, side);
  context.strokeStyle = '#fff';
  context.lineWidth = penWidth * side;
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const stroke of strokes) {
    const [first, ...rest] = stroke.map(place);
    if (!first) continue;
    context.beginPath();
    context.moveTo(first.x * side, first.y * side);
    for (const [index, point] of rest.entries()) {
      // Through the middles, with the points as handles: a hand makes curves, not corners.
      const next = rest[index + 1] ?? point;
      context.quadraticCurveTo(
        point.x * side,
        point.y * side,
        ((point.x + next.x) / 2) * side,
        ((point.y + next.y) / 2) * side,
      );
    }
    if (rest.length === 0) context.lineTo(first.x * side, first.y * side);
    context.stroke();
  }
}
