/** The commands, on folders and servers of the tests; the engine is the real one. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { meanColour, wideModel } from '../../e2e/models.js';
import { writeOnnx } from '../../e2e/onnx.js';
import { writeLinear } from '../learn/carry/linear.js';
import { LinearFit } from '../learn/linear.js';
import { giving, type Handler, serve, type Web } from '../testing/http.js';
import { check, checkGiven } from './check.js';
import { copy } from './copy.js';
import { writeManifest } from './manifest.js';
import { pack } from './pack.js';
import { pull } from './pull.js';

vi.setConfig({ testTimeout: 60_000 });

/** The engine's parts, which the build puts beside the script. */
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const { gzipSync } = await import('node:zlib');
  const cache = join(import.meta.dirname, '../../node_modules/.cache/tabserve');
  const whole = createRequire(import.meta.url)
    .resolve('onnxruntime-web')
    .replace(/[^/\\]+$/, 'ort-wasm-simd-threaded.wasm');
  const readFile = async (path: string | URL, ...others: [never]) => {
    const asked = /threaded(\.rest)?\.wasm\.gz$/.exec(String(path));
    if (!asked) return actual.readFile(path, ...others);
    // It reads files itself: imported out here, it would wait for what it is imported by.
    const { engineParts } = await import('../build/engine-parts/parts.js');
    const binary = new Uint8Array(await actual.readFile(whole));
    const { first, rest } = await engineParts(binary, cache, console.warn);
    return gzipSync((asked[1] ? rest : first) as Uint8Array, { level: 1 });
  };
  return { ...actual, readFile };
});

let web: Web;
const routes = new Map<string, Handler>();
const folders: string[] = [];
beforeAll(async () => {
  Object.assign(globalThis, { __ENGINE_HAS_GPU__: false });
  web = await serve((request, response) => {
    const route = routes.get(request.url ?? '');
    if (route) route(request, response);
    else response.writeHead(404).end();
  });
});
afterAll(() => {
  web.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});
let said: string[];
beforeEach(() => {
  said = [];
  web.requests.length = 0;
});

const say = (line: string) => void said.push(line);
const text = () => said.join('\n');
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tabserve-'));
  folders.push(folder);
  return folder;
};
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));
const route = (path: string, content: Uint8Array | object) =>
  routes.set(
    path,
    giving(content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content))),
  );
const { manifest, model } = meanColour;

describe('pull', () => {
  const graph = writeOnnx({
    input: { name: 'image', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
    output: { name: 'scores', shape: ['N', 3] },
  });
  const options = () => ({ hub: `${web.origin}/hub` });
  beforeAll(() => {
    const base = '/hub/owner/colours/resolve/main';
    route(`${base}/config.json`, { id2label: { 0: 'red', 1: 'green', 2: 'blue' } });
    route(`${base}/preprocessor_config.json`, {
      image_processor_type: 'ViTImageProcessor',
      size: 8,
    });
    route(`${base}/onnx/model.onnx`, graph);
    route('/hub/api/models/owner/colours/tree/main?recursive=true', [
      { path: 'config.json' },
      { path: 'preprocessor_config.json' },
      { path: 'onnx/model.onnx', size: graph.length, lfs: { oid: digest(graph) } },
    ]);
  });

  it('brings a repository with what the graph says, and once', async () => {
    const target = newFolder();
    await pull('hf:owner/colours', target, options(), say);
    expect(text()).toMatch(/all well/);
    expect(readJson(target, 'model.json')).toMatchObject({
      name: 'owner/colours',
      labels: { url: 'labels.txt' },
      input: { name: 'image' },
      output: { name: 'scores' },
      files: [{ url: 'onnx/model.onnx', bytes: graph.length, sha256: digest(graph) }],
    });
    expect(readFileSync(join(target, 'labels.txt'), 'utf8')).toBe('red\ngreen\nblue\n');
    web.requests.length = 0;
    await pull('hf:owner/colours', target, options(), say);
    expect(text()).toMatch(/here already/);
    expect(web.requests.some(({ path }) => path.endsWith('.onnx'))).toBe(false);
    // What was changed on the disk is fetched again.
    writeFileSync(join(target, 'onnx/model.onnx'), 'spoilt');
    await pull('hf:owner/colours', target, options(), say);
    expect(readFileSync(join(target, 'onnx/model.onnx'))).toEqual(Buffer.from(graph));
  });

  it('leaves no manifest of a model that is not whole', async () => {
    route('/wrong/model.json', {
      ...manifest,
      files: [{ url: 'mean.onnx', dtype: 'fp32', sha256: '0'.repeat(64) }],
    });
    route('/wrong/mean.onnx', model);
    const target = newFolder();
    await expect(pull(`${web.origin}/wrong/model.json`, target, {}, say)).rejects.toMatchObject({
      code: 'integrity',
    });
    expect(existsSync(join(target, 'model.json'))).toBe(false);
    expect(existsSync(join(target, 'mean.onnx'))).toBe(false);
  });

  it('writes nothing outside of its folder', async () => {
    route('/evil/model.json', { ...manifest, files: [{ url: '../evil.onnx', dtype: 'fp32' }] });
    route('/evil.onnx', model);
    const target = join(newFolder(), 'inner');
    await pull(`${web.origin}/evil/model.json`, target, {}, say).catch(() => undefined);
    expect(existsSync(join(target, '../evil.onnx'))).toBe(false);
    route('/worse/model.json', { ...manifest, files: [{ url: '/..%2F', dtype: 'fp32' }] });
    await expect(pull(`${web.origin}/worse/model.json`, target, {}, say)).rejects.toThrow(
      /does not end in a file name/,
    );
  });

  it.each([
    ['hf:owner/colours', { dtype: 'int8' }, /has no int8 file\. It offers fp32/],
    ['hf:owner/colours', { processor: 'quick' }, /it takes slow or fast/],
    ['resnet', { processor: 'fast' }, /is for repositories/],
    ['hf:owner/missing', {}, /has no config\.json/],
  ])('of %s with %o says what is wrong', async (name, more, words) => {
    const pulled = pull(name, newFolder(), { ...options(), ...more }, say);
    await expect(pulled).rejects.toThrow(words);
  });
});

describe('manifest', () => {
  it('describes a graph, and does not overwrite', async () => {
    const target = newFolder();
    const path = join(target, 'mean.onnx');
    writeFileSync(path, model);
    await writeManifest(path, {}, say);
    expect(text()).toMatch(/ImageNet/);
    expect(readJson(target, 'model.json')).toMatchObject({
      name: 'mean',
      labels: ['0', '1', '2'],
      input: { name: 'input', layout: 'NCHW', width: 8, height: 8 },
      output: { name: 'mean' },
      files: [{ url: 'mean.onnx', bytes: model.length, sha256: digest(model) }],
    });
    await check(target, say);
    await expect(writeManifest(path, {}, say)).rejects.toThrow(/--force/);
    writeFileSync(join(target, 'labels.txt'), 'red\ngreen\nblue\n');
    await writeManifest(path, { force: true }, say);
    expect(readJson(target, 'model.json').labels).toEqual(['red', 'green', 'blue']);
  });

  it('says of a file that is no graph what it is', async () => {
    const path = join(newFolder(), 'net.onnx');
    writeFileSync(path, 'PK\x03\x04 and more of an archive');
    await expect(writeManifest(path, {}, say)).rejects.toMatchObject({ code: 'model-invalid' });
    expect(existsSync(join(path, '../model.json'))).toBe(false);
  });
});

describe('check', () => {
  const file = { url: 'mean.onnx', dtype: 'fp32' };
  const folderWith = (change: object) => {
    const target = newFolder();
    writeFileSync(join(target, 'mean.onnx'), model);
    writeFileSync(join(target, 'model.json'), JSON.stringify({ ...manifest, ...change }));
    return target;
  };

  it('approves what pages can load, and says what they cannot keep', async () => {
    await check(folderWith({}), say);
    expect(text()).toMatch(
      /Warning: output\.activation is "none"[\s\S]*no sha256, runs[\s\S]*download the file again[\s\S]*3 classes, 1 warning,/,
    );
    said = [];
    await check(folderWith({ files: [{ ...file, sha256: digest(model) }] }), say);
    expect(text()).toMatch(/sha256 as promised/);
  });

  it.each<[string, object, RegExp]>([
    ['a size', { files: [{ ...file, bytes: 5 }] }, /says 5/],
    ['a digest', { files: [{ ...file, sha256: 'a'.repeat(64) }] }, /sha256/],
    ['a path', { files: [{ ...file, url: '../mean.onnx' }] }, /own folder/],
    ['labels', { labels: ['one'] }, /says 1 labels, the model has 3 classes/],
    ['a version', { version: 'new' }, /"version"/],
    ['an input', { input: { ...manifest.input, name: 'pixels' } }, /pixels/],
    ['an output', { output: { ...manifest.output, name: 'other' } }, /other/],
  ])('finds %s that is wrong', async (_name, change, words) => {
    await expect(check(folderWith(change), say)).rejects.toThrow(words);
  });

  it('finds that there is nothing', async () => {
    await expect(check(newFolder(), say)).rejects.toThrow(/There is no .*model\.json/);
  });

  it('tells what pages answer about a picture, beside the description', async () => {
    const digits = join(import.meta.dirname, '../../models/digits');
    const seven = join(import.meta.dirname, '../../e2e/embed/seven.png');
    await check(digits, say, { reference: seven });
    expect(text()).toMatch(/seven\.png: 140 × 140/);
    expect(text()).toMatch(/description: resize letterbox .*GRAY, then softmax/);
    expect(text()).toMatch(/"input" grey: mean -0\.1\d+, deviation 0\.7\d+, from -0\.42421 to/);
    expect(text()).toMatch(/ {2}0\.9\d+ 7\n/);
  });

  it('prints a program for Python', async () => {
    await check(folderWith({}), say, { python: true });
    expect(text()).toMatch(/import onnxruntime/);
  });

  describe('of a table that was fitted in a page', () => {
    const weights = Float64Array.of(0.5, -1, 2);
    const fitted = (kind: 'linear-regression' | 'logistic-regression', labels: string[]) => {
      const file = writeLinear(kind, [{ weights, intercept: 0.25 }], labels);
      const scores = labels.length > 0 ? 'scores' : 'value';
      const made = { file, sha256: digest(file), input: 'rows', scores };
      return new LinearFit({
        options: { model: kind },
        columns: [
          { name: 'city', kind: 'category', categories: ['Bern', 'Rome'] },
          { name: 'rooms', kind: 'number', mean: 3 },
        ],
        labels,
        rows: 10,
        result: {
          kind: 'linear',
          coefficients: [weights],
          intercepts: [0.25],
          steps: 1,
          converged: true,
          made,
        },
      });
    };
    const zipped = async (fit: LinearFit, change: object = {}) => {
      const files = await Promise.all(
        Object.entries(await fit.files({ name: 'prices' })).map(async ([name, file]) => {
          const bytes = new Uint8Array(await (file as File).arrayBuffer());
          if (name !== 'model.json') return [name, bytes] as const;
          const changed = { ...JSON.parse(Buffer.from(bytes).toString()), ...change };
          return [name, new Uint8Array(Buffer.from(JSON.stringify(changed)))] as const;
        }),
      );
      const path = join(newFolder(), 'prices.zip');
      writeFileSync(path, zipSync(Object.fromEntries(files)));
      return path;
    };

    it('approves a regression and a classifier', async () => {
      await checkGiven(await zipped(fitted('linear-regression', [])), say);
      expect(text()).toMatch(/prices\.onnx: \d+ bytes, sha256 as promised, runs/);
      expect(text()).toMatch(/prices 1\.0\.0: tabular, all well/);
      said = [];
      await checkGiven(await zipped(fitted('logistic-regression', ['dear', 'cheap'])), say);
      expect(text()).toMatch(/2 classes, all well/);
    });

    it.each<[string, object, RegExp]>([
      ['a column too few', { columns: [{ name: 'rooms', kind: 'number' }] }, /columns/],
      ['an output', { output: { kind: 'class', scores: 'other' } }, /other/],
      ['labels', { labels: ['a', 'b', 'c'] }, /2 scores.*3 classes/],
    ])('finds %s that is wrong', async (_name, change, words) => {
      const path = await zipped(fitted('logistic-regression', ['dear', 'cheap']), change);
      await expect(checkGiven(path, say)).rejects.toThrow(words);
    });

    it('has no program for Python, and takes no picture', async () => {
      const path = await zipped(fitted('linear-regression', []));
      await expect(checkGiven(path, say, { python: true })).rejects.toThrow(/--python.*tabular/);
      await expect(checkGiven(path, say, { reference: 'a.png' })).rejects.toThrow(
        /--reference.*tabular/,
      );
    });
  });

  it('verifies the files of a task that only pages can ask, and says that it did not run them', async () => {
    const embedding = {
      task: 'image-embedding',
      labels: undefined,
      output: { name: manifest.output.name, pooling: 'none' },
      files: [{ ...file, sha256: digest(model) }],
    };
    await check(folderWith(embedding), say);
    expect(text()).toMatch(/sha256 as promised[\s\S]*not run, .*image-embedding/);
    await expect(
      check(folderWith({ ...embedding, files: [{ ...file, sha256: 'a'.repeat(64) }] }), say),
    ).rejects.toThrow(/sha256/);
  });
});

describe('pack', () => {
  it('stores weights in a quarter of the bytes, and names the file first', async () => {
    const target = newFolder();
    const wide = wideModel(1000);
    writeFileSync(join(target, 'mean.fp32.onnx'), wide);
    const file = { url: 'mean.fp32.onnx', dtype: 'fp32' };
    const own = { ...manifest, files: [file], ofItsAuthor: 1 };
    writeFileSync(join(target, 'model.json'), JSON.stringify(own));
    await expect(pack(target, {}, say)).rejects.toThrow(/--weights int8/);
    await pack(target, { weights: 'int8' }, say);
    const packed = readFileSync(join(target, 'mean.int8-weights.onnx'));
    expect(packed.length).toBeLessThan(0.5 * wide.length);
    expect(readJson(target, 'model.json')).toMatchObject({
      ofItsAuthor: 1,
      files: [{ url: 'mean.int8-weights.onnx', sha256: digest(packed) }, file],
    });
    await check(target, say);
    await expect(pack(target, { weights: 'int8' }, say)).rejects.toThrow(/--force/);
    await pack(target, { weights: 'int8', force: true }, say);
    expect(readJson(target, 'model.json').files).toHaveLength(2);
  });

  it('records what the files compute, which check then tries', async () => {
    const target = newFolder();
    const wide = wideModel(1000);
    writeFileSync(join(target, 'mean.onnx'), wide);
    const half = { url: 'half.onnx', dtype: 'fp16' };
    writeFileSync(join(target, half.url), wideModel(1000, 'float16'));
    const file = { url: 'mean.onnx', dtype: 'fp32' };
    const picture = { image: 'red.png', index: 0 };
    const own = { ...manifest, files: [file, half], selfTest: [picture] };
    writeFileSync(join(target, 'model.json'), JSON.stringify(own));
    await pack(target, { weights: 'int8', 'self-test': true }, say);
    // Once more: a file has one.
    await pack(target, { 'self-test': true }, say);
    const { selfTest, ...rest } = readJson(target, 'model.json');
    expect(rest.files).toHaveLength(3);
    const numbers = [expect.any(Number), expect.any(Number), expect.any(Number)];
    const test = {
      inputs: { input: { type: 'float32', dims: [1, 3, 8, 8] } },
      outputs: { mean: { type: 'float32', dims: [1, 3], numbers } },
    };
    expect(selfTest).toEqual([
      picture,
      { file: 'mean.int8-weights.onnx', ...test },
      { file: 'mean.onnx', ...test },
      { file: 'half.onnx', ...test },
    ]);
    said = [];
    await check(target, say);
    expect(text().match(/runs, self-test passed/g)).toHaveLength(3);

    selfTest[2].outputs.mean.numbers[1] += 0.01;
    writeFileSync(join(target, 'model.json'), JSON.stringify({ ...rest, selfTest }));
    await expect(check(target, say)).rejects.toThrow(
      /mean\.onnx fails the self-test of model\.json: output "mean": number 1 is .* instead of/,
    );
  });

  it('says where nothing can be recorded, and what is asked without a folder', async () => {
    const target = newFolder();
    // Pooled without sizes: the graph refuses a row.
    writeFileSync(join(target, 'm.onnx'), model);
    const tensors = {
      name: 'm',
      version: '1.0.0',
      task: 'tensor',
      files: [{ url: 'm.onnx', dtype: 'fp32' }],
    };
    writeFileSync(join(target, 'model.json'), JSON.stringify(tensors));
    await pack(target, { 'self-test': true }, say);
    expect(readJson(target, 'model.json').selfTest).toMatchObject([
      { inputs: { input: { type: 'float32', dims: [1, 3, 8, 8] } } },
    ]);
    const text8 = { ...tensors, task: 'tensor', constants: { input: [1, 2] } };
    writeFileSync(join(target, 'model.json'), JSON.stringify(text8));
    said = [];
    await pack(target, { 'self-test': true }, say);
    expect(text()).toMatch(
      /No self-test was recorded, since .*"input" has 2 numbers for \[1, 3, 8, 8\]/,
    );
    expect(readJson(target, 'model.json').selfTest).toBeUndefined();
    await expect(pack(join(target, 'm.onnx'), { 'self-test': true }, say)).rejects.toThrow(
      /takes a folder/,
    );
  });

  it('says what cannot be packed', async () => {
    const target = newFolder();
    writeFileSync(join(target, 'small.onnx'), model);
    const options = { weights: 'int8' };
    await expect(pack(join(target, 'small.onnx'), options, say)).rejects.toThrow(
      /cannot be packed/,
    );
    await expect(pack(join(target, 'nowhere'), options, say)).rejects.toThrow(/There is no/);
    await expect(pack(target, options, say)).rejects.toThrow(/There is no .*model\.json/);
    const half = { ...manifest, files: [{ url: 'small.onnx', dtype: 'fp16' }] };
    writeFileSync(join(target, 'model.json'), JSON.stringify(half));
    await expect(pack(target, options, say)).rejects.toThrow(/no fp32 file.* It has fp16/);
  });
});

describe('copy', () => {
  it('replaces nothing without being told, and knows its names', async () => {
    const target = newFolder();
    writeFileSync(join(target, 'THIRD-PARTY-LICENSES.txt'), '');
    await expect(copy(target, {}, say)).rejects.toThrow(/earlier copy. --force replaces it/);
    await expect(copy(target, { engines: 'cuda' }, say)).rejects.toThrow(/there is no "cuda"/);
    await expect(copy(target, { models: 'photos,cats' }, say)).rejects.toThrow(/"cats"/);
    mkdirSync(join(target, 'old'));
    await copy(target, { force: true, models: 'none', compress: true }, say);
    expect(existsSync(join(target, 'old'))).toBe(false);
    expect(text()).toMatch(/embedded models: left out; create\(\) needs a "model"/);
  });

  it('never deletes a folder of other files', async () => {
    const target = newFolder();
    writeFileSync(join(target, 'index.html'), '');
    const copied = copy(target, { force: true, models: 'none' }, say);
    await expect(copied).rejects.toThrow(/other files in it.*such as .*tabserve/);
    expect(existsSync(join(target, 'index.html'))).toBe(true);
  });
});

describe('the command line', () => {
  async function run(...args: string[]): Promise<{ code: number; text: string }> {
    vi.resetModules();
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
    const error = vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(line));
    const { argv, exitCode } = process;
    process.argv = ['node', 'tabserve', ...args];
    process.exitCode = 0;
    try {
      await import('./main.js');
      await vi.waitFor(() => expect(lines).not.toHaveLength(0));
      return { code: Number(process.exitCode), text: lines.join('\n') };
    } finally {
      process.argv = argv;
      process.exitCode = exitCode;
      log.mockRestore();
      error.mockRestore();
    }
  }

  it.each<[string[], number, RegExp]>([
    [['--version'], 0, /^\d+\.\d+\.\d+/],
    [['--help'], 0, /Usage: tabserve <command>[\s\S]*copy <directory>[\s\S]*check <directory/],
    [[], 2, /Usage/],
    [['nonsense'], 2, /There is no command "nonsense". The commands are copy, pull/],
    [['check'], 2, /An argument is missing. Usage: tabserve check <directory/],
    [['check', 'a', 'b'], 2, /too many arguments. Usage: tabserve check/],
    [['check', 'a', '--engines', 'wasm'], 2, /"check" has no option --engines. It has --reference/],
    [['pack', '--help'], 0, /--weights int8/],
    [['pull', '--help'], 0, /--processor <slow\|fast>/],
    [['check', '/nowhere'], 1, /tabserve: There is no .*model\.json/],
    [['check', '--nonsense'], 1, /tabserve: .*--nonsense/],
  ])('%j ends with %i', async (args, code, words) => {
    const found = await run(...args);
    expect(found.text).toMatch(words);
    expect(found.code).toBe(code);
  });
});
