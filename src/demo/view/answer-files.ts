/** Answers as files: for spreadsheets, for programs, and as a picture to show around. */

/** A picture that was asked about. */
export interface Answered {
  /** A file name, an address. */
  picture: string;
  /** Name and version of the model. */
  model: string;
  /** Best first. */
  answers: readonly { label: string; score: number }[];
}

/** A line of a file as RFC 4180 wants it. */
const lineOf = (cells: readonly (string | number)[]): string =>
  `${cells.map(cellOf).join(',')}\r\n`;

/** One line for each picture, in UTF-8 with the mark by which spreadsheets know that. */
export function csvOf(answered: readonly Answered[]): string {
  const most = Math.max(0, ...answered.map(({ answers }) => answers.length));
  const places = Array.from({ length: most }, (_, place) => place + 1);
  const head = ['picture', 'model', ...places.flatMap((n) => [`label ${n}`, `score ${n}`])];
  const lines = answered.map(({ picture, model, answers }) => [
    picture,
    model,
    ...places.flatMap((n) => [answers[n - 1]?.label ?? '', answers[n - 1]?.score ?? '']),
  ]);
  return `\uFEFF${[head, ...lines].map(lineOf).join('')}`;
}

export function jsonOf(answered: readonly Answered[]): string {
  return `${JSON.stringify(answered, null, 2)}\n`;
}

function cellOf(value: string | number): string {
  if (typeof value === 'number') return value.toPrecision(6);
  // Names come from strangers: a spreadsheet would compute what begins like this.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What a picture of the answers looks like, in pixels. */
const width = 800;
const mostHeight = 800;
const margin = 32;
const rowHeight = 56;

/**
 * Draws a picture with its answers below it.
 *
 * @param source - Can be drawn, and is of the page's origin or readable for it.
 * @param lines - The answers as they are shown, with the score between 0 and 1 as the length of a bar.
 * @param note - Below the answers, such as the model's name.
 * @throws DOMException `SecurityError` for a picture that the page may not read.
 */
export function drawAnswers(
  source: HTMLImageElement | HTMLCanvasElement | HTMLVideoElement,
  lines: readonly { label: string; percent: string; score: number }[],
  note: string,
): Promise<Blob> {
  const [sourceWidth, sourceHeight] = sizeOf(source);
  const scale = Math.min(width / sourceWidth, mostHeight / sourceHeight);
  const shownHeight = Math.max(1, Math.round(sourceHeight * scale));
  const shownWidth = sourceWidth * scale;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = shownHeight + margin + lines.length * rowHeight + 2 * margin;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The browser gave no canvas to draw on.');
  const style = (color: string, font: string, align: CanvasTextAlign = 'left'): void => {
    Object.assign(context, { fillStyle: color, font, textAlign: align });
  };
  context.fillStyle = '#fbfcfa';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = '#14201b';
  context.fillRect(0, 0, width, shownHeight);
  context.drawImage(source, (width - shownWidth) / 2, 0, shownWidth, shownHeight);
  let top = shownHeight + margin;
  for (const [place, { label, percent, score }] of lines.entries()) {
    const font = `${place === 0 ? 700 : 400} 24px system-ui, sans-serif`;
    style('#16211d', font, 'right');
    context.fillText(percent, width - margin, top + 22);
    style('#16211d', font);
    context.fillText(label, margin, top + 22, width - 2 * margin - 110);
    context.fillStyle = '#e4e9e4';
    context.fillRect(margin, top + 34, width - 2 * margin, 8);
    context.fillStyle = '#2a9173';
    context.fillRect(margin, top + 34, (width - 2 * margin) * score, 8);
    top += rowHeight;
  }
  style('#52605a', '18px system-ui, sans-serif');
  context.fillText(note, margin, top + margin - 4, width - 2 * margin);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error('The browser could not write the picture.'));
    }, 'image/png');
  });
}

function sizeOf(source: HTMLImageElement | HTMLCanvasElement | HTMLVideoElement): [number, number] {
  // A drawing without a size of its own has none in some browsers.
  if (source instanceof HTMLImageElement) {
    return [source.naturalWidth || 300, source.naturalHeight || 300];
  }
  if (source instanceof HTMLVideoElement) return [source.videoWidth || 1, source.videoHeight || 1];
  return [source.width, source.height];
}
