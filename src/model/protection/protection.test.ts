import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { base64Of, bytesOfBase64, canonical } from './canonical.js';
import { decryptFile, encryptFile, encryptionOverhead } from './encryption.js';
import { sign, verify } from './signature.js';
import type { FileIdentity } from './types.js';

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, 'golden/protection.json'), 'utf8'),
) as {
  key: string;
  about: Record<'model' | 'version' | 'url' | 'keyId' | 'expires', string>;
  plain: string;
  file: string;
  publicKey: string;
  manifest: Record<string, unknown> & { files: object[] };
};

const importKey = (bytes: Uint8Array<ArrayBuffer>) =>
  crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);

describe('an encrypted file', () => {
  const about: FileIdentity = {
    model: 'flowers',
    version: '1.0.0',
    url: 'flowers.onnx.enc',
    encryption: { algorithm: 'AES-GCM', keyId: 'first' },
  };
  const plain = Uint8Array.from({ length: 1000 }, (_, at) => at);
  let key: CryptoKey;
  let file: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    key = await importKey(new Uint8Array(32).fill(7));
    file = await encryptFile(plain, about, key);
  });

  it('opens again, and is another one each time', async () => {
    expect(file.length).toBe(plain.length + encryptionOverhead);
    expect(await decryptFile(file, about, key)).toEqual(plain);
    const again = await encryptFile(plain, about, key);
    expect(base64Of(again)).not.toBe(base64Of(file));
    const empty = await encryptFile(new Uint8Array(0), about, key);
    expect(await decryptFile(empty, about, key)).toEqual(new Uint8Array(0));
  });

  it('that Python has encrypted opens', async () => {
    const { keyId, expires, ...rest } = golden.about;
    const identity: FileIdentity = {
      ...rest,
      encryption: { algorithm: 'AES-GCM', keyId, expires },
    };
    const theirs = await importKey(bytesOfBase64(golden.key));
    const opened = await decryptFile(bytesOfBase64(golden.file), identity, theirs);
    expect(base64Of(opened)).toBe(golden.plain);
  });

  it('does not open with another key', async () => {
    const other = await importKey(new Uint8Array(32).fill(8));
    await expect(decryptFile(file, about, other)).rejects.toMatchObject({
      code: 'key-wrong',
      details: { model: 'flowers', keyId: 'first' },
    });
  });

  it('does not open once any of its bytes was changed', async () => {
    // All of what comes before the cipher text, and of that some.
    const header = [...Array(48).keys()];
    for (const at of [...header, 48, 500, 1047, 1048, file.length - 1]) {
      const changed = file.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      const opened = decryptFile(changed, about, key);
      await expect(opened, `byte ${at}`).rejects.toMatchObject({ code: 'integrity' });
    }
    const part = (from: number, to: number) => file.subarray(from, to);
    for (const parts of [
      [file, Uint8Array.of(0)],
      [Uint8Array.of(0), file],
      [part(0, 48), part(64, file.length)],
      [part(0, 48), part(548, file.length), part(48, 548)],
      [part(0, 8), part(36, 48), part(20, 36), part(8, 20), part(48, file.length)],
    ]) {
      const moved = new Uint8Array(parts.flatMap((each) => [...each]));
      await expect(decryptFile(moved, about, key)).rejects.toMatchObject({
        code: expect.stringMatching(/^(integrity|key-wrong)$/),
      });
    }
  });

  it('does not open when it is cut, or is none', async () => {
    for (const broken of [file.slice(0, -1), file.slice(0, 40), new Uint8Array(0), plain]) {
      await expect(decryptFile(broken, about, key)).rejects.toMatchObject({ code: 'integrity' });
    }
  });

  it.each<[string, Partial<FileIdentity>]>([
    ['another file', { url: 'roses.onnx.enc' }],
    ['another model', { model: 'roses' }],
    ['another version', { version: '1.0.1' }],
    [
      'a later expiry',
      { encryption: { algorithm: 'AES-GCM', keyId: 'first', expires: '2999-01-01T00:00:00Z' } },
    ],
    ['another key id', { encryption: { algorithm: 'AES-GCM', keyId: 'second' } }],
  ])('does not open as %s', async (_name, other) => {
    const identity = { ...about, ...other };
    await expect(decryptFile(file, identity, key)).rejects.toMatchObject({ code: 'integrity' });
  });

  it('does not open after its time', async () => {
    const encryption = {
      algorithm: 'AES-GCM',
      keyId: 'first',
      expires: '2020-01-01T00:00:00Z',
    } as const;
    const late = { ...about, encryption };
    const old = await encryptFile(plain, late, key);
    await expect(decryptFile(old, late, key)).rejects.toMatchObject({ code: 'key-expired' });
  });
});

describe('a signed manifest', () => {
  const { manifest, publicKey } = golden;

  it('that Python has signed is taken', async () => {
    await expect(verify(manifest, null, [publicKey], 'it')).resolves.toBeUndefined();
    const other = base64Of(new Uint8Array(32).fill(3));
    await expect(verify(manifest, null, [other, publicKey], 'it')).resolves.toBeUndefined();
  });

  it('is taken whatever the order of its fields and its white space', async () => {
    const turned = Object.fromEntries(Object.entries(manifest).reverse());
    const spaced = JSON.parse(JSON.stringify(turned, null, 4)) as object;
    await expect(verify(spaced, null, [publicKey], 'it')).resolves.toBeUndefined();
  });

  it.each<[string, unknown, RegExp]>([
    ['a changed label', { ...manifest, labels: ['daisy', 'rose'] }, /none of the keys/],
    ['a further field', { ...manifest, preprocess: {} }, /none of the keys/],
    ['no signature', { ...manifest, signature: undefined }, /not signed/],
    ['another algorithm', { ...manifest, signature: { algorithm: 'none', value: '' } }, /Ed25519/],
    ['no base64', { ...manifest, signature: { algorithm: 'Ed25519', value: '%%%' } }, /not base64/],
    [
      'a cut signature',
      { ...manifest, signature: { algorithm: 'Ed25519', value: 'AAAA' } },
      /none of the keys/,
    ],
    ['no manifest', undefined, /no model\.json/],
    ['labels elsewhere', { ...manifest, labels: { url: 'labels.txt' } }, /label file/],
    ['a file that may be any', { ...manifest, files: [{ url: 'a.onnx' }] }, /"a\.onnx"/],
  ])('is refused with %s', async (_name, value, message) => {
    await expect(verify(value, null, [publicKey], 'it')).rejects.toMatchObject({
      code: 'signature-invalid',
      message: expect.stringMatching(message),
    });
  });

  it('is refused where other files were kept', async () => {
    const kept = { ...manifest, files: [{ url: 'flowers.onnx', sha256: '0'.repeat(64) }] };
    await expect(verify(manifest, kept, [publicKey], 'it')).rejects.toMatchObject({
      code: 'signature-invalid',
    });
    await expect(verify(manifest, manifest, [publicKey], 'it')).resolves.toBeUndefined();
  });

  it('is what was signed here', async () => {
    const pair = (await crypto.subtle.generateKey('Ed25519', true, [
      'sign',
      'verify',
    ])) as CryptoKeyPair;
    const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
    const own = { ...manifest, signature: await sign(manifest, pair.privateKey) };
    const key = base64Of(new Uint8Array(raw));
    await expect(verify(own, null, [key], 'it')).resolves.toBeUndefined();
    await expect(verify(own, null, [publicKey], 'it')).rejects.toMatchObject({
      code: 'signature-invalid',
    });
  });
});

it('writes one text for one content', () => {
  const one = { b: [1, null, 'ä'], a: { d: 1e21, c: undefined, e: -0 } };
  expect(canonical(one)).toBe('{"a":{"d":1e+21,"e":0},"b":[1,null,"ä"]}');
});
