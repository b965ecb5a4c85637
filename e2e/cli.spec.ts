/** The command line, as people who host models run it. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../src/testing/folder.js';
import { expect, test } from './fixtures.js';
import { meanColour, sha256, wideModel } from './models.js';
import { writeOnnx } from './onnx.js';

const script = join(import.meta.dirname, '../dist/cli.js');

/** Runs `tabserve`. Returns its exit code and all that it said. */
function run(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, text: stdout + stderr }),
    );
  });
}

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

test('pull brings a hub repository, with names from the graph, and check approves', async ({
  server,
}) => {
  const graph = writeOnnx({
    input: { name: 'image', type: 'float32', shape: ['N', 3, 8, 8] },
    nodes: [{ op: 'GlobalAveragePool' }, { op: 'Flatten', attributes: { axis: 1 } }],
    output: { name: 'scores', shape: ['N', 3] },
  });
  const base = '/cli/owner/colours/resolve/main';
  server.route(`${base}/config.json`, { id2label: { 0: 'red', 1: 'green', 2: 'blue' } });
  server.route(`${base}/preprocessor_config.json`, {
    image_processor_type: 'ViTImageProcessor',
    size: 8,
  });
  server.route(`${base}/onnx/model.onnx`, graph);
  server.route('/cli/api/models/owner/colours/tree/main', [
    { path: 'config.json' },
    { path: 'preprocessor_config.json' },
    { path: 'onnx/model.onnx', size: graph.length, lfs: { oid: sha256(graph) } },
  ]);
  const target = temporaryFolder();
  const pulled = await run('pull', 'hf:owner/colours', target, '--hub', `${server.origin}/cli`);
  expect(pulled).toMatchObject({ code: 0, text: expect.stringContaining('all well') });
  expect(readJson(join(target, 'model.json'))).toMatchObject({
    name: 'owner/colours',
    labels: { url: 'labels.txt' },
    input: { name: 'image' },
    output: { name: 'scores' },
    files: [{ url: 'onnx/model.onnx', bytes: graph.length, sha256: sha256(graph) }],
  });
  expect(readFileSync(join(target, 'labels.txt'), 'utf8')).toBe('red\ngreen\nblue\n');

  server.requests.length = 0;
  const again = await run('pull', 'hf:owner/colours', target, '--hub', `${server.origin}/cli`);
  expect(again.text).toContain('here already');
  expect(server.requests).not.toContain(`${base}/onnx/model.onnx`);
});

test('pull verifies, and leaves no manifest of an incomplete model', async ({ server }) => {
  server.route('/cli/wrong/model.json', {
    ...meanColour.manifest,
    files: [{ url: 'mean.onnx', dtype: 'fp32', sha256: '0'.repeat(64) }],
  });
  server.route('/cli/wrong/mean.onnx', meanColour.model);
  const target = temporaryFolder();
  const { code, text } = await run('pull', `${server.origin}/cli/wrong/model.json`, target);
  expect(code).toBe(1);
  expect(text).toContain('sha256');
  expect(existsSync(join(target, 'model.json'))).toBe(false);
  expect(existsSync(join(target, 'mean.onnx'))).toBe(false);
});

test('a manifest cannot make pull write outside of its folder', async ({ server }) => {
  server.route('/cli/evil/model.json', {
    ...meanColour.manifest,
    files: [{ url: '../evil.onnx', dtype: 'fp32' }],
  });
  server.route('/cli/evil.onnx', meanColour.model);
  const target = join(temporaryFolder(), 'inner');
  await run('pull', `${server.origin}/cli/evil/model.json`, target);
  // By the last part of its address, within the folder.
  expect(existsSync(join(target, '../evil.onnx'))).toBe(false);
});

test('the embedded models can be pulled', async () => {
  const target = temporaryFolder();
  expect(await run('pull', 'digits', target)).toMatchObject({ code: 0 });
  expect(readJson(join(target, 'model.json'))).toMatchObject({ name: 'digits' });
});

test('manifest describes a graph, and does not overwrite', async () => {
  const target = temporaryFolder();
  const path = join(target, 'mean.onnx');
  writeFileSync(path, meanColour.model);
  const { code, text } = await run('manifest', path);
  expect(code).toBe(0);
  expect(text).toContain('ImageNet');
  expect(readJson(join(target, 'model.json'))).toMatchObject({
    name: 'mean',
    labels: ['0', '1', '2'],
    input: { name: 'input', layout: 'NCHW', width: 8, height: 8 },
    output: { name: 'mean' },
    files: [{ url: 'mean.onnx', bytes: meanColour.model.length, sha256: sha256(meanColour.model) }],
  });
  expect(await run('check', target)).toMatchObject({ code: 0 });
  expect(await run('manifest', path)).toMatchObject({
    code: 1,
    text: expect.stringContaining('--force'),
  });
  expect(await run('manifest', path, '--force')).toMatchObject({ code: 0 });
});

test('check tells what pages answer about a picture, and a program that must answer the same', async () => {
  const digits = fileURLToPath(new URL('../models/digits', import.meta.url));
  const seven = fileURLToPath(new URL('embed/seven.png', import.meta.url));
  const { code, text } = await run('check', digits, '--reference', seven);
  expect(code).toBe(0);
  expect(text).toMatch(/seven\.png: 140 × 140/);
  expect(text).toMatch(/description: resize letterbox .*GRAY, then softmax/);
  expect(text).toMatch(/"input" grey: mean -0\.1\d+, deviation 0\.7\d+, from -0\.42421 to/);
  expect(text).toMatch(/ {4}0\.9\d+ 7\n {4}0\.0/);
  const missing = await run('check', digits, '--reference', `${seven}.webp`);
  expect(missing).toMatchObject({ code: 1, text: expect.stringContaining('seven.png.webp') });
});

test('pack stores weights in a quarter of the bytes, and names the file first', async () => {
  const target = temporaryFolder();
  const model = wideModel(1000);
  writeFileSync(join(target, 'mean.fp32.onnx'), model);
  const file = { url: 'mean.fp32.onnx', dtype: 'fp32' };
  const manifest = { ...meanColour.manifest, files: [file], ofItsAuthor: 1 };
  writeFileSync(join(target, 'model.json'), JSON.stringify(manifest));
  expect(await run('pack', target)).toMatchObject({
    code: 1,
    text: expect.stringContaining('--weights int8'),
  });
  const { code, text } = await run('pack', target, '--weights', 'int8');
  expect(text).toContain('2 weights packed');
  expect(code).toBe(0);
  const packed = readFileSync(join(target, 'mean.int8-weights.onnx'));
  // 4000 scales for 6000 numbers: the first matrix has a thousand channels of three.
  expect(packed.length).toBeLessThan(0.5 * model.length);
  expect(readJson(join(target, 'model.json'))).toEqual({
    ...manifest,
    selfTest: [expect.objectContaining({ file: 'mean.int8-weights.onnx' })],
    files: [
      {
        url: 'mean.int8-weights.onnx',
        dtype: 'int8',
        weightsOnly: true,
        bytes: packed.length,
        sha256: sha256(packed),
      },
      file,
    ],
  });
  expect(await run('check', target)).toMatchObject({ code: 0 });
  expect(await run('pack', target, '--weights', 'int8')).toMatchObject({
    code: 1,
    text: expect.stringContaining('--force'),
  });
  expect(await run('pack', target, '--weights', 'int8', '--force')).toMatchObject({ code: 0 });
  expect(readJson(join(target, 'model.json')).files).toHaveLength(2);
  // A file alone, and one with nothing to pack.
  const alone = temporaryFolder();
  writeFileSync(join(alone, 'mean.onnx'), model);
  expect(await run('pack', join(alone, 'mean.onnx'), '--weights', 'int8')).toMatchObject({
    code: 0,
  });
  expect(existsSync(join(alone, 'mean.int8-weights.onnx'))).toBe(true);
  writeFileSync(join(alone, 'small.onnx'), meanColour.model);
  expect(await run('pack', join(alone, 'small.onnx'), '--weights', 'int8')).toMatchObject({
    code: 1,
    text: expect.stringContaining('cannot be packed'),
  });
});

test('check finds what is wrong', async () => {
  const target = temporaryFolder();
  const { manifest, model } = meanColour;
  writeFileSync(join(target, 'mean.onnx'), model);
  const checked = async (change: object) => {
    writeFileSync(join(target, 'model.json'), JSON.stringify({ ...manifest, ...change }));
    const { code, text } = await run('check', target);
    return `${code} ${text}`;
  };
  const file = { url: 'mean.onnx', dtype: 'fp32' };
  expect(await checked({})).toMatch(/^0 .*Without a sha256/s);
  expect(await checked({ files: [{ ...file, bytes: 5 }] })).toMatch(/^1 .*says 5/s);
  expect(await checked({ files: [{ ...file, sha256: 'a'.repeat(64) }] })).toMatch(/^1 .*sha256/s);
  expect(await checked({ files: [{ ...file, url: '../mean.onnx' }] })).toMatch(/^1 .*own folder/s);
  expect(await checked({ labels: ['one'] })).toMatch(/^1 .*1 labels.*3 classes/s);
  expect(await checked({ version: 'new' })).toMatch(/^1 .*"version"/s);
  expect(await run('check', temporaryFolder())).toMatchObject({ code: 1 });
  expect(await run('nonsense')).toMatchObject({ code: 2, text: expect.stringContaining('Usage') });
});

test('a mistake is answered with what is meant', async () => {
  const target = join(temporaryFolder(), 'new');
  const mistakes: [args: string[], code: number, text: string][] = [
    [['copy', target, '--engin', 'wasm'], 1, 'There is no option --engin. Did you mean --engines?'],
    [['copy', target, '-x'], 1, 'There is no option -x. `tabserve --help` lists them.'],
    [['copy', target, '--engines'], 1, "Option '--engines <value>' argument missing."],
    [['copy', target, '--engines', 'wams'], 1, 'Did you mean "wasm"?'],
    [['cpy', target], 2, 'Did you mean "copy"?'],
    [['pull', 'mobilnet-v2', target], 1, 'Did you mean "mobilenet-v2"?'],
    [['pull', 'google/vit-base-patch16-224', target], 1, 'write "hf:google/vit-base-patch16-224"'],
    [['pull', 'photos', target, '--dtype', 'fp31'], 1, '"fp31"; it takes fp32, fp16 or int8'],
    [['manifest', join(target, 'no.onnx')], 1, `There is no ${join(target, 'no.onnx')}.`],
  ];
  for (const [args, code, text] of mistakes) {
    expect(await run(...args), args.join(' ')).toEqual({
      code,
      text: expect.stringContaining(text),
    });
  }
});

test('an address that does not answer is named with the reason of the system', async () => {
  const { code, text } = await run('pull', 'http://127.0.0.1:9/model.json', temporaryFolder());
  expect(code).toBe(1);
  expect(text).toMatch(/^tabserve: http:\/\/127\.0\.0\.1:9\/model\.json could not be fetched: \S/);
  expect(text).not.toContain('browser');
});

test('help explains all commands, and one', async () => {
  expect(await run('help')).toEqual(await run('--help'));
  expect(await run('help', 'copy')).toEqual(await run('copy', '--help'));
  expect((await run('help', 'copy')).text).toContain('Usage: tabserve copy <directory>');
  expect(await run('-v')).toEqual(await run('--version'));
});
