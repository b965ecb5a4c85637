/**
 * Builds the documentation into `site/docs/`: the API out of the doc comments, and the pages of
 * `docs/`. It fails where an exported name has no comment, a type that is used is not exported, or a
 * link leads nowhere.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Application, Converter, OptionDefaults } from 'typedoc';

const here = import.meta.dirname;
const root = resolve(here, '../..');
const site = join(root, 'site/docs');

/** All entries of the package, but the script tag's, which shows the names of others. */
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryPoints = Object.entries(exports)
  .filter(([name, { types }]) => types !== undefined && name !== './global')
  .map(([, { types }]) =>
    join(root, types.replace(/^\.\/dist\/types\//, '').replace(/\.d\.ts$/, '.ts')),
  );

/** What comments say of the element, for other tools; docs/element.md has it. */
const elementTags = ['@tag', '@tagname', '@attr', '@fires', '@slot', '@csspart', '@cssprop'];

const cli = join(root, 'dist/cli.js');
if (!existsSync(cli)) throw new Error('There is no dist/. Run "npm run build" first.');

process.chdir(here);
const app = await Application.bootstrapWithPlugins({
  options: join(here, 'typedoc.json'),
  entryPoints,
  blockTags: [...OptionDefaults.blockTags, ...elementTags],
  excludeTags: [...OptionDefaults.excludeTags, ...elementTags],
});
app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
  document.name = titleOf(document.content.map((part) => part.text).join('')) ?? document.name;
});
// After the sort by name, which has the priority -100.
app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => inReadingOrder(project), -200);
const project = await app.convert();
if (!project) process.exit(1);
app.validate(project);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);

// What the live examples run.
const live = join(site, 'live');
execFileSync(process.execPath, [
  cli,
  ...['copy', join(live, 'tabserve'), '--engines', 'wasm', '--models', 'photos,digits', '--force'],
]);
cpSync(join(root, 'src/demo/samples/everyday'), join(live, 'samples'), { recursive: true });

const pages = readdirSync(site, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.html'))
  .map((path) => join(site, path));
/** The ids of each page. */
const ids = new Map();
const broken = [];
for (const page of pages) {
  const html = [titledOnce, withLandmarks, inOrder, shownAtOnce, withoutNestedLinks, sized(page)]
    .reduce((text, change) => change(text), readFileSync(page, 'utf8'))
    .replaceAll(/<a href="([^"]+)"([^>]*)>(.*?)<\/a>/gs, (given, address, attributes, text) => {
      if (/^[a-z][\w+.-]*:/i.test(address)) return given;
      // From a disk, a folder's address shows its list of files.
      const href = address.replace(/^((?:\.\.?\/)+)(?=#|$)/, '$1index.html');
      const link = `<a href="${href}"${attributes}>${text}</a>`;
      const [path, anchor] = decodeURI(href).split('#');
      const target = path === '' ? page : resolve(dirname(page), path);
      // The demo is not built by this script.
      if (target === join(root, 'site/index.html')) return link;
      if (isFile(target)) {
        if (anchor && target.endsWith('.html') && !idsOf(target).has(anchor)) {
          broken.push(`${relative(site, page)}: ${href} (no such heading)`);
        }
        return link;
      }
      // A folder of the repository, which is not here, is named without a link.
      if (dirname(target) === join(site, 'media')) return text;
      broken.push(`${relative(site, page)}: ${href}`);
      return link;
    });
  for (const [, address] of html.matchAll(/<(?:img|source)\b[^>]* (?:src|srcset)="([^"]+)"/g)) {
    if (/^[a-z][\w+.-]*:/i.test(address) || isFile(resolve(dirname(page), decodeURI(address))))
      continue;
    broken.push(`${relative(site, page)}: ${address}`);
  }
  writeFileSync(page, html);
}
if (broken.length > 0) {
  console.error(`Links that lead nowhere:\n${broken.join('\n')}`);
  process.exit(1);
}
console.log(`${pages.length} pages in ${relative(root, site)}/, all links lead somewhere.`);

/** A page is called what its first line calls it. */
function titleOf(text) {
  const title = /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '');
  // The cards of the embedded models.
  return title && /^[a-z]+$/.test(title) ? `The model ${title}` : title;
}

/** Lists the pages in the order in which the README, and the page about the kinds of models, name them. */
function inReadingOrder(project) {
  const titles = linksOf('README.md')
    .flatMap((path) => (path === 'docs/tasks.md' ? [path, ...linksOf(path)] : [path]))
    .map((path) => titleOf(readFileSync(join(root, path), 'utf8')));
  const place = ({ name }) => {
    const at = titles.indexOf(name);
    return at < 0 ? titles.length : at;
  };
  const sort = (pages) => pages.sort((a, b) => place(a) - place(b));
  sort(project.documents);
  const others = project.childrenIncludingDocuments.filter((each) => !each.isDocument());
  project.childrenIncludingDocuments = [...project.documents, ...others];
  for (const { children } of project.groups) {
    if (children.every((each) => each.isDocument())) sort(children);
  }
}

/** The pages that a page links to, from the repository's root. */
function linksOf(page) {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/\]\(([\w./-]+\.md)\b/g)].map(([, path]) => join(dirname(page), path));
}

/** Says which part of a page is which; the theme's parts are plain boxes. */
function withLandmarks(html) {
  return html
    .replace('<div class="col-content">', '<div class="col-content" role="main">')
    .replace('<nav id="tsd-sidebar-links"', '<nav id="tsd-sidebar-links" aria-label="Links"')
    .replace('<nav class="tsd-navigation">', '<nav class="tsd-navigation" aria-label="Pages">')
    .replace('<div class="col-sidebar">', '<div class="col-sidebar" role="complementary">');
}

/** Shows the text at once; the theme hides it until its script has run. */
function shownAtOnce(html) {
  return html.replace('document.body.style.display="none";', '');
}

/** The start page says its name once; the theme puts it above the README, which begins with it. */
function titledOnce(html) {
  return html.replace(
    /<div class="tsd-page-title">\s*<h1>[^<]*<\/h1>\s*<\/div>(?=\s*<div class="tsd-panel tsd-typography"><h1)/,
    '',
  );
}

/** Folded parts without links in what unfolds them, which those who do not see the page cannot reach. */
function withoutNestedLinks(html) {
  return html.replaceAll(/<summary\b.*?<\/summary>/gs, (summary) =>
    summary.replaceAll(/<a [^>]*class="tsd-anchor-icon".*?<\/a>/gs, ''),
  );
}

/** Pictures that take their place before they have come, and come when they are about to be seen. */
function sized(page) {
  return (html) =>
    html.replaceAll(/<img src="([^"]+)"( width="\d+")?/g, (tag, address, given) => {
      if (/^[a-z][\w+.-]*:/i.test(address)) return tag;
      const path = resolve(dirname(page), decodeURI(address));
      if (!isFile(path)) return tag;
      const { width, height } = webpSize(readFileSync(path));
      const shown = Number(/\d+/.exec(given ?? '')?.[0] ?? width);
      return `<img loading="lazy" decoding="async" src="${address}" width="${shown}" height="${Math.round((height * shown) / width)}"`;
    });
}

/** The pixels of a WebP file, by its header (RFC 9649). */
function webpSize(bytes) {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    default:
      throw new Error('The pictures of the documentation are WebP files.');
  }
}

/** Headings whose levels skip none, for those who do not see them; the theme goes by their looks. */
function inOrder(html) {
  let last = 0;
  return html.replaceAll(/<h([1-6])\b/g, (tag, given) => {
    const level = Math.min(Number(given), last + 1);
    last = level;
    return level === Number(given) ? tag : `${tag} aria-level="${level}"`;
  });
}

function isFile(path) {
  return existsSync(path) && statSync(path).isFile();
}

function idsOf(page) {
  const known = ids.get(page);
  if (known) return known;
  const found = new Set(
    [...readFileSync(page, 'utf8').matchAll(/ id="([^"]+)"/g)].map(([, id]) => id),
  );
  ids.set(page, found);
  return found;
}
