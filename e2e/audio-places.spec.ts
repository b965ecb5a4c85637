/** A classifier of sounds wherever tabserve runs: its worker code and its page code reach it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import files from '../src/input/audio/golden/files.json' with { type: 'json' };
import { expect, openPlace, policies, test } from './embedding.js';

const golden = join(import.meta.dirname, 'audio/golden');
const { config, preprocessor } = JSON.parse(readFileSync(join(golden, 'ast.json'), 'utf8'));

const { self, typed } = policies;

for (const [name, way, csp] of [
  ['a module', 'module', ''],
  ["a module, worker-src 'self'", 'module', self],
  ['a script tag', 'script', ''],
  ["a script tag, worker-src 'self'", 'script', self],
  ['a script tag, Trusted Types', 'script', typed],
  ['a script tag from another origin', 'other', ''],
] as const) {
  test(`sounds by ${name}`, async ({ page, server, cdn }) => {
    server.route('/hub/ast/config.json', config);
    server.route('/hub/ast/preprocessor_config.json', preprocessor);
    server.route('/hub/ast/onnx/model.onnx', readFileSync(join(golden, 'ast.onnx')));
    await openPlace(page, server, cdn, { way, csp });
    const found = await page.evaluate(async (bytes) => {
      const options = { model: '/hub/ast/', device: 'wasm' } as const;
      await window.tabserve.AudioClassifier.preload(options);
      const classifier = await window.tabserve.AudioClassifier.create(options);
      const file = Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0));
      const answers = await classifier.classify([file, file]);
      const { requests, errors } = classifier.metrics();
      classifier.destroy();
      return { counts: answers.map(({ length }) => length), requests, errors };
    }, files.wav.bytes);
    expect(found).toEqual({ counts: [5, 5], requests: 2, errors: 0 });
  });
}
