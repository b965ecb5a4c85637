/** Packages as they are written: what they hold, who can read it, and what is refused. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { validManifests } from '../testing/manifests.js';
import { protect } from './protect.js';

let folder: string;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tabserve-protect-'));
  said = [];
  mkdirSync(join(folder, 'model'));
  writeModel();
});
afterEach(() => rmSync(folder, { recursive: true }));

const graph = Buffer.from('the weights of a model');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const at = (...path: string[]) => join(folder, ...path);
const read = (...path: string[]) => readFileSync(at(...path));
const manifestOf = (name: string) => JSON.parse(read(name, 'model.json').toString());
const pack = (options: Parameters<typeof protect>[2] = {}, to = 'out') =>
  protect(at('model'), at(to), options, (line) => said.push(line));

function writeModel(more: object = {}): void {
  const manifest = {
    task: 'image-classification',
    ...validManifests['image-classification'],
    labels: { url: 'labels.txt' },
    ...more,
  };
  writeFileSync(at('model', 'model.json'), JSON.stringify(manifest));
  writeFileSync(at('model', 'labels.txt'), 'cat\ndog\n');
  writeFileSync(at('model', 'm.onnx'), graph);
}

describe('a package', () => {
  it('has sizes, digests and labels in its manifest, and the texts that lie beside it', async () => {
    for (const name of ['LICENSE', 'README.md', 'notes.txt'])
      writeFileSync(at('model', name), name);
    await pack();
    expect(manifestOf('out')).toMatchObject({
      labels: ['cat', 'dog'],
      files: [{ url: 'm.onnx', bytes: graph.length, sha256: sha256(graph) }],
    });
    expect(manifestOf('out')).not.toHaveProperty('encryption');
    expect(read('out', 'm.onnx')).toEqual(graph);
    expect(
      ['LICENSE', 'README.md', 'notes.txt'].map((name) => existsSync(at('out', name))),
    ).toEqual([true, true, false]);
    expect(said).toEqual([`m.onnx: ${graph.length} bytes`, `m 1.0.0: ${at('out')}.`]);
  });

  it('replaces what is there only where that is asked for, and wholly', async () => {
    await pack();
    writeFileSync(at('out', 'old.onnx'), 'old');
    await expect(pack()).rejects.toThrow(/is there already/);
    expect(existsSync(at('out', 'old.onnx'))).toBe(true);
    await pack({ force: true });
    expect(existsSync(at('out', 'old.onnx'))).toBe(false);
  });

  it('never deletes a folder of other files', async () => {
    mkdirSync(at('out'));
    writeFileSync(at('out', 'index.html'), '');
    await expect(pack({ force: true })).rejects.toThrow(/no model in it to replace/);
    expect(existsSync(at('out', 'index.html'))).toBe(true);
  });

  it('takes external data and assets with it, in folders of their own', async () => {
    mkdirSync(at('model', 'data'));
    writeFileSync(at('model', 'data', 'weights.bin'), 'external');
    writeFileSync(at('model', 'tokenizer.json'), '{}');
    const text = { task: 'text-classification', ...validManifests['text-classification'] };
    const files = [
      { url: 'm.onnx', dtype: 'fp32', external: [{ path: 'w', url: 'data/weights.bin' }] },
    ];
    writeFileSync(at('model', 'model.json'), JSON.stringify({ ...text, files }));
    await pack({ encrypt: true, key: at('key') });
    const manifest = manifestOf('out');
    expect(manifest.files[0].external[0]).toMatchObject({
      path: 'w',
      url: 'data/weights.bin.enc',
      sha256: sha256(read('out', 'data', 'weights.bin.enc')),
    });
    expect(manifest.assets['tokenizer.json'].url).toBe('tokenizer.json.enc');
    expect(read('out', 'tokenizer.json.enc').toString()).not.toBe('{}');
  });
});

describe('an encrypted package', () => {
  it('says by which key, and holds nothing of the weights', async () => {
    await pack({ encrypt: true, key: at('key'), 'key-id': 'spring', expires: '2999-01-31' });
    const { encryption, files, labels } = manifestOf('out');
    expect(encryption).toEqual({
      algorithm: 'AES-GCM',
      keyId: 'spring',
      expires: '2999-01-31T00:00:00.000Z',
    });
    const served = read('out', 'm.onnx.enc');
    expect(files[0]).toMatchObject({
      url: 'm.onnx.enc',
      bytes: served.length,
      sha256: sha256(served),
    });
    expect(served.includes('weights')).toBe(false);
    expect(existsSync(at('out', 'm.onnx'))).toBe(false);
    // Labels stay readable, and that is said.
    expect(labels).toEqual(['cat', 'dog']);
    expect(said.join('\n')).toMatch(/stay readable/);
  });

  it('uses a key that is there, and names it by its digest', async () => {
    await pack({ encrypt: true, key: at('key') });
    const key = read('key');
    await pack({ encrypt: true, key: at('key') }, 'again');
    expect(read('key')).toEqual(key);
    expect(said.filter((line) => line.includes('a new key'))).toHaveLength(1);
    const raw = Buffer.from(key.toString(), 'base64');
    expect(raw).toHaveLength(32);
    expect(manifestOf('again').encryption.keyId).toBe(sha256(raw).slice(0, 16));
    // The same bytes are never encrypted to the same.
    expect(read('again', 'm.onnx.enc').equals(read('out', 'm.onnx.enc'))).toBe(false);
  });

  it.each([
    ['encrypt without a key', { encrypt: true }, /--encrypt takes --key/],
    ['a key without encrypt', { key: 'k' }, /go with --encrypt/],
    ['a name of a key without encrypt', { 'key-id': 'k' }, /go with --encrypt/],
    ['a day that has passed', { encrypt: true, expires: '2001-01-01' }, /expected a date to come/],
    ['a day that is none', { encrypt: true, expires: 'soon' }, /expected a date to come/],
  ])('is none of %s', async (_name, options, words) => {
    const key = 'expires' in options ? { key: at('key') } : {};
    await expect(pack({ ...options, ...key })).rejects.toThrow(words);
    expect(existsSync(at('out'))).toBe(false);
  });

  it('is not encrypted again', async () => {
    await pack({ encrypt: true, key: at('key') });
    const twice = protect(
      at('out'),
      at('twice'),
      { encrypt: true, key: at('key') },
      () => undefined,
    );
    await expect(twice).rejects.toThrow(/is encrypted already/);
  });
});

describe('a signed package', () => {
  it('names a new key’s public half once, and signs with it ever after', async () => {
    await pack({ sign: at('signer.pem') });
    await pack({ sign: at('signer.pem'), force: true });
    expect(said.filter((line) => line.includes('a new private key'))).toHaveLength(1);
    const keys = said.filter((line) => line.startsWith('signedBy: '));
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(Buffer.from(/'(.+)'/.exec(keys[0] ?? '')?.[1] ?? '', 'base64')).toHaveLength(32);
    expect(manifestOf('out').signature).toBeTruthy();
    expect(said.at(-1)).toMatch(/, signed\.$/);
  });

  it('changes its signature with its content', async () => {
    await pack({ sign: at('signer.pem') }, 'one');
    writeModel({ title: 'Another title' });
    await pack({ sign: at('signer.pem') }, 'two');
    expect(manifestOf('one').signature).not.toEqual(manifestOf('two').signature);
  });

  it('is none of a key of another kind', async () => {
    writeFileSync(at('signer.pem'), 'not a key');
    await expect(pack({ sign: at('signer.pem') })).rejects.toThrow(/is no Ed25519 key/);
    expect(existsSync(at('out'))).toBe(false);
  });
});

describe('what does not fit together', () => {
  it('is a folder without a manifest', async () => {
    rmSync(at('model', 'model.json'));
    await expect(pack()).rejects.toThrow(/There is no .*model\.json/);
  });

  it('is a file that is another one than the manifest says', async () => {
    writeModel({ files: [{ url: 'm.onnx', dtype: 'fp32', sha256: 'a'.repeat(64) }] });
    await expect(pack()).rejects.toThrow(/m\.onnx has the sha256/);
    expect(existsSync(at('out'))).toBe(false);
  });

  it('is a file outside of the folder', async () => {
    writeModel({ files: [{ url: '../secret.onnx', dtype: 'fp32' }] });
    writeFileSync(at('secret.onnx'), 'secret');
    await expect(pack()).rejects.toThrow();
    expect(existsSync(at('out'))).toBe(false);
  });
});

it('keeps new keys to the user alone', async () => {
  await pack({ encrypt: true, key: at('key'), sign: at('signer.pem') });
  for (const name of ['key', 'signer.pem']) expect(statSync(at(name)).mode & 0o077).toBe(0);
});
