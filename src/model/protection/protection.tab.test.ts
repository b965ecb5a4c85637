/** Packages that somebody has changed, through page, worker and store: what each is refused with. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { meanColour } from '../../../e2e/models.js';
import type { CreateOptions } from '../../api/types.js';
import { ImageClassifier } from '../../index.js';
import type { MemoryDirectory } from '../../testing/directory.js';
import { imageData } from '../../testing/png.js';
import { openTab, type Tab } from '../../testing/tab.js';
import { base64Of } from './canonical.js';
import { encryptFile } from './encryption.js';
import { sign } from './signature.js';
import type { ManifestEncryption } from './types.js';

vi.setConfig({ testTimeout: 60_000 });

type Bytes = Uint8Array<ArrayBuffer>;

let tab: Tab;
let key: CryptoKey;
let signer: CryptoKeyPair;
let signedBy: string;
const plain = new Uint8Array(meanColour.model);
const url = 'mean.onnx.enc';
const encryption: ManifestEncryption = {
  algorithm: 'AES-GCM',
  keyId: 'first',
  expires: '2999-01-01T00:00:00.000Z',
};
const secret = new Uint8Array(32).fill(7);
let file: Bytes;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const pair = () =>
  crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

beforeAll(async () => {
  tab = await openTab();
  const usages: KeyUsage[] = ['encrypt', 'decrypt'];
  key = await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, usages);
  signer = await pair();
  signedBy = base64Of(new Uint8Array(await crypto.subtle.exportKey('raw', signer.publicKey)));
});
beforeEach(async () => {
  // Of its own: the store knows a file by its content.
  file = await encrypted({});
});
afterEach(() => tab.expectNothingLeft());
afterAll(() => tab.close());

function encrypted(
  about: { model?: string; version?: string; url?: string },
  bytes: Bytes = plain,
): Promise<Bytes> {
  const { name, version } = meanColour.manifest;
  return encryptFile(bytes, { model: name, version, url, encryption, ...about }, key);
}

type Manifest = Record<string, unknown>;

/** A manifest that promises these bytes. */
const manifestOf = (bytes: Bytes, more: Manifest = {}): Manifest => ({
  ...meanColour.manifest,
  encryption,
  files: [{ url, dtype: 'fp32', bytes: bytes.length, sha256: sha256(bytes) }],
  ...more,
});

let served = 0;

/** Loads what is served, and asks it. */
async function load(
  bytes: Bytes,
  manifest: Manifest = manifestOf(bytes),
  options: CreateOptions = { decryptionKey: () => secret },
): Promise<string> {
  const folder = `/protected/${served++}`;
  tab.route(`${folder}/model.json`, manifest);
  tab.route(`${folder}/${url}`, bytes);
  const model = `${folder}/model.json`;
  try {
    const classifier = await ImageClassifier.create({
      ...tab.places,
      model,
      device: 'wasm',
      ...options,
    });
    const red = imageData(
      new Uint8ClampedArray(8 * 8 * 4)
        .fill(255)
        .map((_, i) => (i % 4 === 1 || i % 4 === 2 ? 0 : 255)),
      8,
      8,
    );
    const [best] = await classifier.classify(red);
    classifier.destroy();
    return String(best?.label);
  } catch (error) {
    return String(Reflect.get(error as object, 'code'));
  }
}

/** All that the store holds. */
async function stored(directory: MemoryDirectory): Promise<Bytes[]> {
  const found: Bytes[] = [];
  for await (const [, handle] of directory.entries()) {
    if (handle.kind === 'directory') found.push(...(await stored(handle as MemoryDirectory)));
    else found.push(new Uint8Array(await (await handle.getFile()).arrayBuffer()));
  }
  return found;
}

const flipped = (bytes: Bytes, at: number): Bytes => {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 0x80;
  return changed;
};
const joined = (...parts: Uint8Array[]): Bytes =>
  new Uint8Array(parts.flatMap((part) => [...part]));

it('the right one answers, and nothing is stored in clear', async () => {
  expect(await load(file)).toBe('red');
  await vi.waitFor(async () =>
    expect((await stored(tab.disk.root)).map(sha256)).toContain(sha256(file)),
  );
  const words = Buffer.from('GlobalAveragePool');
  expect(Buffer.from(plain).includes(words)).toBe(true);
  for (const bytes of await stored(tab.disk.root))
    expect(Buffer.from(bytes).includes(words)).toBe(false);
});

it.each<[string, () => Bytes | Promise<Bytes>, string]>([
  ['the mark', () => flipped(file, 0), 'integrity'],
  ['the nonce of the check', () => flipped(file, 8), 'integrity'],
  ['the tag of the check', () => flipped(file, 20), 'integrity'],
  ['the nonce', () => flipped(file, 36), 'integrity'],
  ['the cipher text', () => flipped(file, 48), 'integrity'],
  ['the tag', () => flipped(file, file.length - 1), 'integrity'],
  ['nothing but zeros', () => new Uint8Array(file.length), 'integrity'],
  ['the end cut off', () => file.slice(0, -1), 'integrity'],
  ['the header alone', () => file.slice(0, 48), 'integrity'],
  ['a byte more', () => joined(file, Uint8Array.of(1)), 'integrity'],
  [
    'halves that changed places',
    () => joined(file.subarray(0, 48), file.subarray(100), file.subarray(48, 100)),
    'integrity',
  ],
  ['a part left out', () => joined(file.subarray(0, 60), file.subarray(80)), 'integrity'],
  ['the model in clear', () => plain, 'integrity'],
  ['that of another model', () => encrypted({ model: 'other' }), 'integrity'],
  ['that of another version', () => encrypted({ version: '0.9.0' }), 'integrity'],
  ['that of another address', () => encrypted({ url: 'other.onnx.enc' }), 'integrity'],
  ['something that is no model', () => encrypted({}, new Uint8Array(100).fill(9)), 'model-invalid'],
  ['nothing', () => encrypted({}, new Uint8Array(0)), 'model-invalid'],
])('a file with %s', async (_name, make, code) => {
  const bytes = await make();
  // As it was promised, and as whoever changes the manifest with it promises it.
  expect(await load(bytes, manifestOf(file))).toBe('integrity');
  expect(await load(bytes)).toBe(code);
  expect(await load(file)).toBe('red');
});

it.each<[string, Manifest, string]>([
  ['another name', { name: 'other' }, 'integrity'],
  ['another version', { version: '2.0.0' }, 'integrity'],
  ['another key', { encryption: { ...encryption, keyId: 'second' } }, 'integrity'],
  [
    'a later expiry',
    { encryption: { ...encryption, expires: '2999-12-01T00:00:00.000Z' } },
    'integrity',
  ],
  ['no expiry', { encryption: { algorithm: 'AES-GCM', keyId: 'first' } }, 'integrity'],
  [
    'an expiry that has passed',
    { encryption: { ...encryption, expires: '2001-01-01T00:00:00Z' } },
    'key-expired',
  ],
  [
    'an expiry that is no date',
    { encryption: { ...encryption, expires: '2999-99-99T99:99:99Z' } },
    'key-expired',
  ],
  ['an expiry in words', { encryption: { ...encryption, expires: 'never' } }, 'manifest-invalid'],
  [
    'another algorithm',
    { encryption: { ...encryption, algorithm: 'AES-CBC' } },
    'manifest-invalid',
  ],
  ['no encryption', { encryption: undefined }, 'model-invalid'],
  ['a size beyond all', { files: [{ url, dtype: 'fp32', bytes: 2 ** 52 }] }, 'manifest-invalid'],
  ['a size that is a lie', { files: [{ url, dtype: 'fp32', bytes: 2 ** 32 }] }, 'integrity'],
  ['a size too small', { files: [{ url, dtype: 'fp32', bytes: 10 }] }, 'integrity'],
])('a manifest with %s', async (_name, more, code) => {
  expect(await load(file, manifestOf(file, more))).toBe(code);
  expect(await load(file)).toBe('red');
});

it('signatures that are others, or of other manifests', async () => {
  const own = manifestOf(file);
  const other = await pair();
  const signedAs = async (manifest: Manifest, by = signer) => ({
    ...manifest,
    signature: await sign(JSON.parse(JSON.stringify(manifest)) as object, by.privateKey),
  });
  const whole = await signedAs(own);
  const { value } = whole.signature;
  const turned = base64Of(
    flipped(
      Uint8Array.from(atob(value), (each) => each.charCodeAt(0)),
      10,
    ),
  );
  const options = { decryptionKey: () => secret, signedBy };
  const tries: [string, Manifest, Bytes, string][] = [
    ['none', own, file, 'signature-invalid'],
    ['by another', await signedAs(own, other), file, 'signature-invalid'],
    [
      'changed',
      { ...whole, signature: { algorithm: 'Ed25519', value: turned } },
      file,
      'signature-invalid',
    ],
    [
      'of another manifest',
      { ...whole, signature: (await signedAs({ ...own, version: '3.0.0' })).signature },
      file,
      'signature-invalid',
    ],
    ['a label changed', { ...whole, labels: ['rot', 'green', 'blue'] }, file, 'signature-invalid'],
    ['labels exchanged', { ...whole, labels: ['green', 'red', 'blue'] }, file, 'signature-invalid'],
    [
      'the preprocessing changed',
      {
        ...whole,
        preprocess: { resize: { policy: 'exact', width: 8, height: 8 }, mean: [1, 1, 1] },
      },
      file,
      'signature-invalid',
    ],
    ['a field more', { ...whole, title: 'other' }, file, 'signature-invalid'],
    ['the encryption taken out', { ...whole, encryption: undefined }, file, 'signature-invalid'],
    [
      'labels in a file',
      await signedAs({ ...own, labels: { url: 'labels.txt' } }),
      file,
      'signature-invalid',
    ],
    [
      'a file that may be any',
      await signedAs({ ...own, files: [{ url, dtype: 'fp32' }] }),
      file,
      'signature-invalid',
    ],
    ['another file', whole, flipped(file, 60), 'integrity'],
  ];
  for (const [name, manifest, bytes, code] of tries) {
    expect(await load(bytes, manifest, options), name).toBe(code);
  }
  // From the store too.
  expect(await load(file, whole, options)).toBe('red');
  expect(await load(file, { ...whole, labels: ['rot', 'green', 'blue'] }, options)).toBe(
    'signature-invalid',
  );
});
