/**
 * Writes what editors and documentation tools read about `<tabserve-classifier>`: `custom-elements.json`
 * (https://custom-elements-manifest.open-wc.org) and, for Visual Studio Code's `html.customData`,
 * `custom-elements.vscode.json`. With `--check` it only says whether both are current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { create, ts } from '@custom-elements-manifest/analyzer';

const root = resolve(import.meta.dirname, '../..');
const source = 'src/element/element.ts';
const text = readFileSync(join(root, source), 'utf8');
// Its command line would write into package.json.
const manifest = create({
  modules: [ts.createSourceFile(source, text, ts.ScriptTarget.ES2015, true)],
  plugins: [],
  context: { dev: false },
});

/** Members that browsers call. */
const called = /^(observedAttributes|\w+Callback|addEventListener)$/;
const path = 'dist/element.js';
for (const module of manifest.modules) {
  module.path = path;
  for (const each of module.exports) each.declaration.module = path;
  module.declarations = module.declarations.filter(({ customElement }) => customElement);
  const isElement = ({ declaration }) =>
    module.declarations.some(({ name }) => name === declaration.name);
  module.exports = module.exports.filter(isElement);
  for (const declaration of module.declarations) {
    module.exports.push({
      kind: 'custom-element-definition',
      name: declaration.tagName,
      declaration: { name: declaration.name, module: path },
    });
    declaration.members = declaration.members.filter(
      ({ name, privacy }) => privacy !== 'private' && !name.startsWith('#') && !called.test(name),
    );
    // Those of the comment; the analyzer adds what it finds in the code, which has no description.
    declaration.attributes = declaration.attributes.filter(({ description }) => description);
    declaration.events = declaration.events.filter(({ description }) => description);
  }
}
const declarations = manifest.modules.flatMap(({ declarations }) => declarations);
const vscode = {
  version: 1.1,
  tags: declarations.map(({ tagName, description, attributes }) => ({
    name: tagName,
    description,
    attributes: attributes.map(({ name, description, type }) => ({
      name,
      description,
      ...(type.text === 'boolean' && { valueSet: 'v' }),
      ...(type.text.includes('|') && { values: type.text.split('|').map((name) => ({ name })) }),
    })),
  })),
};

const outdated = [];
for (const [file, content] of [
  ['custom-elements.json', manifest],
  ['custom-elements.vscode.json', vscode],
]) {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  let before = '';
  try {
    before = readFileSync(join(root, file), 'utf8');
  } catch {
    // It is written for the first time.
  }
  if (text === before) continue;
  outdated.push(file);
  if (!process.argv.includes('--check')) writeFileSync(join(root, file), text);
}
if (outdated.length === 0) console.log('The descriptions of the element are current.');
else if (process.argv.includes('--check')) {
  console.error(`Not current: ${outdated.join(', ')}. Run \`npm run api\`.`);
  process.exitCode = 1;
} else console.log(`Written: ${outdated.join(', ')}`);
