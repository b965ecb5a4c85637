/**
 * What pages have beside the theme.
 *
 * Live examples: each `<div class="live">` runs the snippet above it as it stands, with the library that lies in the
 * site's own folder. `data-input` says what the reader gives: `picture`, `pictures`, `text`, `sound`, `model`. The
 * snippet knows that as `file`, `files`, `text` and `model`. What it passes to `show()` is printed.
 */
const folder = new URL('live/', new URL(document.documentElement.dataset.base, location.href));
const samples = ['01-apple', '02-orange', '10-clock'].map((name) => `samples/${name}.svg`);

for (const box of document.querySelectorAll('.live')) {
  const code = box.previousElementSibling.querySelector('code').cloneNode(true);
  // The theme ends lines so.
  for (const end of code.querySelectorAll('br')) end.replaceWith('\n');
  box.append(
    ...(location.protocol === 'file:'
      ? ['This example runs where the documentation is served: npm start.']
      : example(code.textContent, box.dataset)),
  );
}

// A table that is wider than a phone scrolls by itself, and not the page; by keyboard too.
for (const table of document.querySelectorAll('.tsd-typography table')) {
  const box = element('div', { className: 'table' });
  table.replaceWith(box);
  box.append(table);
  new ResizeObserver(() => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute('tabindex');
  }).observe(box);
}

// The theme's tree of pages has links in what unfolds its branches, which those who do not see it cannot reach.
const tree = document.getElementById('tsd-nav-container');
new MutationObserver(() => {
  for (const link of tree.querySelectorAll('summary > a')) {
    const summary = link.parentElement;
    summary.setAttribute('aria-label', `Pages of ${link.textContent}`);
    link.classList.add('branch');
    summary.parentElement.before(link);
  }
}).observe(tree, { childList: true });

/** What the reader sees of an example. */
function example(code, { input, model, placeholder }) {
  const fields = input.split(' ').flatMap((name) => (name ? [field(name, placeholder)] : []));
  const output = element('pre', { className: 'live-output', role: 'status', tabIndex: 0 });
  const button = element('button', { type: 'button', textContent: 'Run it' });
  button.addEventListener('click', async () => {
    button.disabled = true;
    output.textContent = 'Running…';
    const lines = [];
    const show = (...values) => {
      lines.push(values.map(shown).join(' '));
      output.textContent = lines.join('\n');
    };
    try {
      const given = { show, ...(model && { model: new URL(model, folder).href }) };
      for (const { read } of fields) Object.assign(given, await read());
      await run(code, given);
    } catch (error) {
      output.textContent = `${error?.code ?? 'Error'}: ${error?.message ?? error}`;
    } finally {
      button.disabled = false;
    }
  });
  return [...fields.flatMap(({ parts }) => parts), button, output];
}

/** What is asked of the reader, and how it is read. */
function field(name, placeholder = '') {
  switch (name) {
    case 'picture':
      return pictures('Picture', samples.slice(-1), ([file]) => ({ file }));
    case 'pictures':
      return pictures('Pictures', samples, (files) => ({ files }));
    case 'sound': {
      const file = element('input', { type: 'file', accept: 'audio/*,video/*' });
      return {
        parts: [element('label', {}, 'Sound ', file)],
        read: () => ({ file: chosen(file)[0] ?? refuse('Choose a sound first.') }),
      };
    }
    case 'text': {
      const text = element('textarea', { rows: 2, value: 'What a lovely day!' });
      return {
        parts: [element('label', {}, 'Text ', text)],
        read: () => ({ text: text.value }),
      };
    }
    case 'model': {
      const address = element('input', { type: 'text', placeholder, spellcheck: false });
      const files = element('input', { type: 'file', multiple: true });
      const read = () => {
        const [given, name] = [chosen(files), address.value.trim()];
        if (given.length > 0) return { model: given };
        return { model: name || refuse('Name a model, or choose its files.') };
      };
      return {
        parts: [
          element('label', {}, 'Model ', address),
          element('label', {}, 'or its files ', files),
        ],
        read,
      };
    }
    default:
      throw new Error(`There is no field "${name}".`);
  }
}

/** Pictures: the project's own drawings, until the reader has chosen others. */
function pictures(label, given, named) {
  const row = element('div', { className: 'live-pictures' });
  const look = (addresses) =>
    row.replaceChildren(
      ...addresses.map((src) => element('img', { src, alt: '', width: 96, height: 96 })),
    );
  look(given.map((path) => new URL(path, folder).href));
  const input = element('input', { type: 'file', accept: 'image/*', multiple: given.length > 1 });
  input.addEventListener('change', () =>
    look(chosen(input).map((file) => URL.createObjectURL(file))),
  );
  const read = async () =>
    named(chosen(input).length > 0 ? chosen(input) : await Promise.all(given.map(sample)));
  return { parts: [row, element('label', {}, `${label} of your own `, input)], read };
}

async function sample(path) {
  const response = await fetch(new URL(path, folder));
  return new File([await response.blob()], path, { type: 'image/svg+xml' });
}

const chosen = ({ files }) => [...files];

function refuse(message) {
  throw new Error(message);
}

/** Runs a snippet. The models that it makes are given back when it has ended. */
async function run(code, given) {
  const names = { ...given };
  const made = [];
  const imports = /^import \{([^}]+)\} from 'tabserve(?:\/(\w+))?';$/gm;
  for (const [, list, entry = 'index'] of code.matchAll(imports)) {
    const module = await import(new URL(`tabserve/${entry}.js`, folder));
    for (const name of list.split(',').map((each) => each.trim())) {
      names[name] = keeping(module[name], made);
    }
  }
  const AsyncFunction = run.constructor;
  try {
    await new AsyncFunction(...Object.keys(names), `{${code.replaceAll(imports, '')}}`)(
      ...Object.values(names),
    );
  } finally {
    for (const model of made) model.destroy();
  }
}

/** A class of models, noting those that are created. */
function keeping(value, made) {
  if (typeof value?.create !== 'function') return value;
  const create = async (...given) => {
    const model = await value.create(...given);
    made.push(model);
    return model;
  };
  return new Proxy(value, {
    get: (target, name) => (name === 'create' ? create : Reflect.get(target, name)),
  });
}

/** A value in a line, a list in a line for each. */
function shown(value) {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return JSON.stringify(value, short);
  return `[\n${value.map((each) => `  ${JSON.stringify(each, short)}`).join(',\n')}\n]`;
}

/** Numbers in four digits, and of many the first. */
function short(_key, value) {
  if (typeof value === 'number') return Number(value.toPrecision(4));
  if (typeof value === 'bigint') return `${value}n`;
  if (!ArrayBuffer.isView(value)) return value;
  const first = Array.from(value.subarray(0, 10), (each) => Number(Number(each).toPrecision(4)));
  const more = value.length > first.length ? ', …' : '';
  return `${value.constructor.name}(${value.length}) [${first.join(', ')}${more}]`;
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
