/** The drawing pad: mouse, pen, finger or keyboard, white on black as the digits of MNIST. */
import { byId } from '../dom.js';
import { t } from '../language.js';
import { type Point, render, renderCentred, type Stroke } from './strokes.js';

/** How far an arrow key moves the pen, as a part of the pad's side. */
const step = 0.02;
const longStep = 0.08;

const directions: Readonly<Record<string, Point>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

export class Pad {
  readonly #canvas = byId('pad', HTMLCanvasElement);
  readonly #seen = byId('pad-seen', HTMLCanvasElement);
  readonly #hint = byId('pad-hint', HTMLElement);
  readonly #note = byId('pad-note', HTMLElement);
  readonly #drawn: (picture: HTMLCanvasElement) => void;
  readonly #cleared: () => void;
  /** What goes to the classifier. */
  readonly #picture = document.createElement('canvas');
  #strokes: Stroke[] = [];
  /** The stroke under the pointer or the keyboard's pen. */
  #current: Stroke | null = null;
  #pen: Point = { x: 0.5, y: 0.3 };
  #penShown = false;
  #framePending = false;

  /**
   * @param drawn - Is called with the centred drawing, at most once a frame.
   * @param cleared - Is called when the pad is empty again.
   */
  constructor(drawn: (picture: HTMLCanvasElement) => void, cleared: () => void) {
    this.#drawn = drawn;
    this.#cleared = cleared;
    this.#picture.width = 280;
    this.#picture.height = 280;
    this.#listen();
    this.#paint();
  }

  clear(): void {
    this.#strokes = [];
    this.#current = null;
    this.#changed();
  }

  /** Asks for the answer again, after a change of the model. */
  again(): void {
    this.#changed();
  }

  #undo(): void {
    this.#strokes.pop();
    this.#current = null;
    this.#changed();
  }

  #listen(): void {
    const canvas = this.#canvas;
    byId('pad-clear', HTMLButtonElement).addEventListener('click', () => this.clear());
    byId('pad-undo', HTMLButtonElement).addEventListener('click', () => this.#undo());
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#penShown = false;
      this.#begin(this.#at(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!this.#current || !canvas.hasPointerCapture(event.pointerId)) return;
      const events = event.getCoalescedEvents();
      this.#current.push(...(events.length ? events : [event]).map((each) => this.#at(each)));
      this.#changed();
    });
    const lift = (): void => {
      this.#current = null;
    };
    canvas.addEventListener('pointerup', lift);
    canvas.addEventListener('pointercancel', lift);
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('focus', () => {
      this.#penShown = canvas.matches(':focus-visible');
      this.#paint();
    });
    canvas.addEventListener('blur', () => {
      this.#penShown = false;
      lift();
      this.#paint();
    });
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = directions[event.key];
    if (direction) {
      const length = event.shiftKey ? longStep : step;
      this.#pen = {
        x: clamp(this.#pen.x + direction.x * length),
        y: clamp(this.#pen.y + direction.y * length),
      };
      if (this.#current) this.#current.push({ ...this.#pen });
    } else if (event.key === ' ') {
      if (this.#current) this.#current = null;
      else this.#begin({ ...this.#pen });
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.#penShown = true;
    this.#note.textContent = this.#current ? t('Pen is down') : t('Pen is up');
    if (this.#current) this.#changed();
    else this.#paint();
  }

  #begin(point: Point): void {
    this.#current = [point];
    this.#strokes.push(this.#current);
    this.#changed();
  }

  #at(event: PointerEvent): Point {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: clamp((event.clientX - box.left) / box.width),
      y: clamp((event.clientY - box.top) / box.height),
    };
  }

  #changed(): void {
    if (this.#framePending) return;
    this.#framePending = true;
    requestAnimationFrame(() => {
      this.#framePending = false;
      this.#paint();
      if (this.#strokes.length > 0) this.#drawn(this.#picture);
      else this.#cleared();
    });
  }

  #paint(): void {
    render(this.#canvas, this.#strokes);
    if (this.#penShown) this.#paintPen();
    renderCentred(this.#picture, this.#strokes);
    renderCentred(this.#seen, this.#strokes);
    this.#hint.hidden = this.#strokes.length > 0;
  }

  /** A ring where the keyboard's pen is, full while it is down. */
  #paintPen(): void {
    const context = this.#canvas.getContext('2d');
    if (!context) return;
    const side = this.#canvas.width;
    context.beginPath();
    context.arc(this.#pen.x * side, this.#pen.y * side, side * 0.025, 0, 2 * Math.PI);
    context.lineWidth = side * 0.008;
    context.strokeStyle = '#5fd0a7';
    context.fillStyle = '#5fd0a7';
    context.stroke();
    if (this.#current) context.fill();
  }
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
