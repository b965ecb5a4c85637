import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ortVersion, version } from '../base/version.js';
import { embeddedModels } from '../model/embedded.js';
import { modelMirrors, restUrls, wasmUrls } from './assets.js';
import * as asModule from './package-files.js';
import type { PackName } from './protocol.js';

const root = join(import.meta.dirname, '../..');
const models = readdirSync(join(root, 'models'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  // One whose training is not finished has a recipe only.
  .filter((name) => existsSync(join(root, 'models', name, 'model.json')));

describe('package files', () => {
  it.each(models)('has every file of the embedded model %s, in every build', (name) => {
    const {
      files,
      labels,
      translations = {},
    } = JSON.parse(readFileSync(join(root, 'models', name, 'model.json'), 'utf8')) as {
      files: { url: string }[];
      labels: { url: string };
      translations?: Record<string, { url: string }>;
    };
    const own = embeddedModels[name]?.labels ? [] : [labels];
    const labelFile = [...own, ...Object.values(translations)].map(({ url }) => url);
    const names = [...files.map(({ url }) => url), ...labelFile].toSorted();
    expect(Object.keys(asModule.embeddedModel(name)).toSorted()).toEqual(names);
    const script = readFileSync(join(root, 'src/wire/package-files.global.ts'), 'utf8');
    for (const file of names) expect(script).toContain(`'${file}'`);
  });
});

describe('packs', () => {
  const packs = readdirSync(join(root, 'src/worker/packs')).map((file) => file.replace('.ts', ''));

  it.each(packs)('%s is in every build, and built', (name) => {
    expect(asModule.packFile(name as PackName)).toMatch(new RegExp(`/packs/${name}\\.js$`));
    const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
    expect(textOf('src/wire/package-files.single.ts')).toContain(`dist/packs/${name}.js?raw`);
    expect(textOf('vite.config.ts')).toContain(`'pack-${name}'`);
    expect(textOf('package.json')).toContain(`--mode pack-${name}`);
  });
});

describe('places of the engine', () => {
  it('are beside the script, then on the CDN, of exactly the version that is built in', () => {
    const [beside, cdn, ...others] = wasmUrls('jspi', {});
    expect(beside).toMatch(/\/ort\/ort-wasm-simd-threaded\.jspi\.wasm\.gz$/);
    expect(cdn).toBe(
      `https://cdn.jsdelivr.net/npm/onnxruntime-web@${ortVersion}/dist/ort-wasm-simd-threaded.jspi.wasm`,
    );
    expect(others).toEqual([]);
  });

  it('are only beside the script when the CDN is switched off', () => {
    expect(wasmUrls('wasm', { cdn: false })).toHaveLength(1);
  });

  it('are only where the option says', () => {
    expect(wasmUrls('wasm', { wasmUrl: 'https://here.example/ort' })).toEqual([
      'https://here.example/ort/ort-wasm-simd-threaded.wasm.gz',
      'https://here.example/ort/ort-wasm-simd-threaded.wasm',
    ]);
    expect(wasmUrls('wasm', { wasmUrl: 'https://here.example/a.wasm?v=1' })).toEqual([
      'https://here.example/a.wasm?v=1',
    ]);
  });
});

describe('parts of the script tag', () => {
  const config = readFileSync(join(root, 'vite.config.ts'), 'utf8');
  const [, table = ''] = /const partNames[^{]*\{(.*?)\};/s.exec(config) ?? [];
  const parts = Array.from(table.matchAll(/'(.+?)': '(.+?)'/g), ([, module, name]) => [
    name,
    module,
  ]);

  it('are found', () => {
    expect(parts.length).toBeGreaterThan(5);
  });

  it.each(parts)('%s is a module, and built', (name, module) => {
    expect(existsSync(join(root, 'src', `${module}.ts`))).toBe(true);
    expect(config).toContain(`case '${name}':`);
    expect(readFileSync(join(root, 'package.json'), 'utf8')).toContain(`--mode ${name} `);
  });
});

describe('places of the rest of the engine', () => {
  const name = 'ort-wasm-simd-threaded.rest.wasm.gz';

  it('are beside the script, then on the CDN', () => {
    const [beside, cdn, ...others] = restUrls('wasm', {});
    expect(beside?.endsWith(`/ort/${name}`)).toBe(true);
    expect(cdn).toBe(`https://cdn.jsdelivr.net/npm/tabserve@${version}/dist/ort/${name}`);
    expect(others).toEqual([]);
    expect(restUrls('wasm', { cdn: false })).toEqual([beside]);
  });

  it('are beside the first part, where the option says that', () => {
    for (const wasmUrl of ['https://here.example/ort', 'https://here.example/ort/a.wasm.gz']) {
      expect(restUrls('wasm', { wasmUrl })).toEqual([`https://here.example/ort/${name}`]);
    }
  });

  it('are none for builds in one piece', () => {
    expect(restUrls('jspi', {})).toEqual([]);
    expect(restUrls('asyncify', { wasmUrl: 'https://here.example/ort' })).toEqual([]);
  });
});

describe('mirrors of an embedded model', () => {
  const urls = { 'digits.onnx': 'https://here.example/models/digits/digits.onnx' };

  it('are on the CDN, of this version', () => {
    expect(modelMirrors('digits', urls, {})).toEqual({
      [urls['digits.onnx']]: [
        `https://cdn.jsdelivr.net/npm/tabserve@${version}/dist/models/digits/digits.onnx`,
      ],
    });
  });

  it('are none where the page says where its models are, or wants no CDN', () => {
    expect(modelMirrors('digits', urls, { modelsUrl: '/models' })).toEqual({});
    expect(modelMirrors('digits', urls, { cdn: false })).toEqual({});
    expect(modelMirrors('digits', { a: 'data:,' }, {})).toEqual({});
  });
});
