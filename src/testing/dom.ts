/**
 * As much of a document as a custom element needs: a tree, attributes, callbacks and events. It lays
 * nothing out and parses nothing; a page with HTML is a browser's. Importing it puts it into place.
 */
import { vi } from 'vitest';

interface Callbacks {
  connectedCallback?(): void;
  disconnectedCallback?(): void;
  attributeChangedCallback?(name: string, before: string | null, now: string | null): void;
}

/** A place in the tree. */
class TestNode extends EventTarget {
  readonly children: TestElement[] = [];
  parent: TestNode | null = null;
  #text = '';

  get textContent(): string {
    return this.#text + this.children.map(({ textContent }) => textContent).join('');
  }
  set textContent(text: string) {
    this.replaceChildren();
    this.#text = text;
    this.textChanges += 1;
  }
  /** How often its own text was set. */
  textChanges = 0;

  append(...children: TestElement[]): void {
    for (const child of children) {
      child.remove();
      child.parent = this;
      this.children.push(child);
      if (child.isConnected) tell(child, 'connectedCallback');
    }
  }

  replaceChildren(...children: TestElement[]): void {
    for (const child of [...this.children]) child.remove();
    this.append(...children);
  }

  get isConnected(): boolean {
    const root = this.getRootNode();
    return root === document_ || (root instanceof TestShadowRoot && root.host.isConnected);
  }

  getRootNode(): TestNode {
    return this.parent?.getRootNode() ?? this;
  }

  /** All below, in their order. */
  get all(): TestElement[] {
    return this.children.flatMap((each) => [each, ...each.all]);
  }

  querySelectorAll(selectors: string): TestElement[] {
    return this.all.filter((each) => each.matches(selectors));
  }

  querySelector(selectors: string): TestElement | null {
    return this.querySelectorAll(selectors)[0] ?? null;
  }

  getElementById(id: string): TestElement | null {
    return this.all.find((each) => each.getAttribute('id') === id) ?? null;
  }
}

/** Of an element and all below it, in shadow trees too. */
function tell(element: TestElement, callback: 'connectedCallback' | 'disconnectedCallback'): void {
  (element as Callbacks)[callback]?.();
  for (const each of [...(element.shadow?.children ?? []), ...element.children]) {
    tell(each, callback);
  }
}

class TestElement extends TestNode {
  static readonly observedAttributes: readonly string[] = [];
  readonly #attributes = new Map<string, string>();
  /** As the registry has it. */
  readonly localName: string = names.get(this.constructor) ?? 'div';
  hidden = false;
  className = '';
  isContentEditable = false;
  readonly style = { setProperty: (name: string, value: string) => this.styles.set(name, value) };
  /** What was set by `style`. */
  readonly styles = new Map<string, string>();
  readonly classList = {
    toggle: (name: string, on: boolean) => {
      this.className = on ? name : '';
    },
  };
  shadow: TestShadowRoot | null = null;

  attachShadow(): TestShadowRoot {
    this.shadow = new TestShadowRoot(this);
    return this.shadow;
  }

  remove(): void {
    const wasConnected = this.isConnected;
    const siblings = this.parent?.children ?? [];
    const place = siblings.indexOf(this);
    if (place >= 0) siblings.splice(place, 1);
    this.parent = null;
    if (wasConnected) tell(this, 'disconnectedCallback');
  }

  getAttributeNames(): string[] {
    return [...this.#attributes.keys()];
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }
  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }
  setAttribute(name: string, value: string): void {
    this.#change(name, String(value));
  }
  removeAttribute(name: string): void {
    this.#change(name, null);
  }
  toggleAttribute(name: string, on: boolean): void {
    this.#change(name, on ? '' : null);
  }

  #change(name: string, now: string | null): void {
    const before = this.getAttribute(name);
    if (now === null) this.#attributes.delete(name);
    else this.#attributes.set(name, now);
    const { observedAttributes } = this.constructor as typeof TestElement;
    if (!observedAttributes.includes(name)) return;
    (this as Callbacks).attributeChangedCallback?.(name, before, now);
  }

  /** Knows `tag`, `[attribute]` and both, and lists of them. */
  matches(selectors: string): boolean {
    return selectors.split(',').some((selector) => {
      const [, tag, attribute] = /^\s*([\w-]*)(?:\[([\w-]+)\])?\s*$/.exec(selector) ?? [];
      if (tag === undefined) throw new Error(`Not a selector of this document: ${selector}`);
      const isTag = tag === '' || tag === this.localName;
      return isTag && (attribute === undefined || this.hasAttribute(attribute));
    });
  }

  closest(selectors: string): TestElement | null {
    if (this.matches(selectors)) return this;
    return this.parent instanceof TestElement ? this.parent.closest(selectors) : null;
  }

  click(): void {
    this.dispatchEvent(new Event('click'));
  }
}

class TestImage extends TestElement {
  complete = true;
  src = '';

  override removeAttribute(name: string): void {
    super.removeAttribute(name);
    if (name === 'src') this.src = '';
  }
}

class TestVideo extends TestElement {
  srcObject: object | null = null;
  muted = false;
  /** What `play()` fails with. */
  refusal: Error | null = null;

  async play(): Promise<void> {
    if (this.refusal) throw this.refusal;
  }
}

class TestShadowRoot extends TestNode {
  adoptedStyleSheets: object[] = [];

  constructor(readonly host: TestElement) {
    super();
  }
}

const classes = new Map<string, typeof TestElement>([
  ['img', TestImage],
  ['video', TestVideo],
  ['canvas', class extends TestElement {}],
]);
const names = new Map<unknown, string>([...classes].map(([name, each]) => [each, name]));

class TestDocument extends TestNode {
  readonly baseURI = 'https://page.example/folder/';
  readyState = 'complete';

  createElement(name: string): TestElement {
    const Class = classes.get(name) ?? TestElement;
    const element = new Class();
    if (!classes.has(name)) Object.assign(element, { localName: name });
    return element;
  }
}

const document_ = new TestDocument();

/** One that is asked whether an element is about to be seen. */
export class TestObserver {
  static readonly all = new Set<TestObserver>();
  readonly seen: object[] = [];

  constructor(
    readonly hear: (entries: { isIntersecting: boolean }[]) => void,
    readonly options: { rootMargin: string },
  ) {
    TestObserver.all.add(this);
  }
  observe(element: object): void {
    this.seen.push(element);
  }
  disconnect(): void {
    TestObserver.all.delete(this);
  }
}

class TestErrorEvent extends Event {
  readonly error: unknown;
  readonly message: string;

  constructor(type: string, init: { error: unknown; message: string; cancelable: boolean }) {
    super(type, init);
    this.error = init.error;
    this.message = init.message;
  }
}

class TestProgressEvent extends Event {
  constructor(type: string, init: { lengthComputable: boolean; loaded: number; total: number }) {
    super(type);
    Object.assign(this, init);
  }
}

for (const [name, value] of Object.entries({
  HTMLElement: TestElement,
  HTMLImageElement: TestImage,
  HTMLVideoElement: TestVideo,
  HTMLCanvasElement: classes.get('canvas'),
  ShadowRoot: TestShadowRoot,
  CSSStyleSheet: class {
    replaceSync() {}
  },
  ErrorEvent: TestErrorEvent,
  ProgressEvent: TestProgressEvent,
  IntersectionObserver: TestObserver,
  customElements: {
    get: (name: string) => classes.get(name),
    define: (name: string, Class: typeof TestElement) => {
      classes.set(name, Class);
      names.set(Class, name);
    },
  },
  document: document_,
})) {
  vi.stubGlobal(name, value);
}

export type { TestElement, TestImage, TestVideo };
export { document_ as testDocument };
