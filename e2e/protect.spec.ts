/**
 * Packages that are encrypted and signed: made by the command line, loaded by pages; and every way in which
 * one is not what it should be, after which the next load works.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../src/testing/folder.js';
import { expect, test } from './fixtures.js';
import { meanColour, sha256 } from './models.js';
import type { TestServer } from './server.js';

const script = join(import.meta.dirname, '../dist/cli.js');

/** Runs `tabserve`. Returns its exit code and all that it said. */
function run(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, text: stdout + stderr }),
    );
  });
}

interface Packed {
  folder: string;
  key: string;
  signedBy: string;
  said: string;
}

/** A package of the mean colour, made by the command line. */
async function packed(...args: string[]): Promise<Packed> {
  const home = temporaryFolder();
  const [from, to] = [join(home, 'from'), join(home, 'to')];
  const [keyFile, pem] = [join(home, 'key'), join(home, 'signer.pem')];
  mkdirSync(from);
  const manifest = { ...meanColour.manifest, labels: { url: 'labels.txt' } };
  writeFileSync(join(from, 'model.json'), JSON.stringify(manifest));
  writeFileSync(join(from, 'labels.txt'), 'red\ngreen\nblue\n');
  writeFileSync(join(from, 'LICENSE'), 'free');
  writeFileSync(join(from, 'mean.onnx'), meanColour.model);
  const { code, text } = await run(
    ...['pack', from, to, '--encrypt', '--key', keyFile, '--sign', pem, ...args],
  );
  expect(code, text).toBe(0);
  const signedBy = /signedBy: '(.{44})'/.exec(text)?.[1] ?? '';
  return { folder: to, key: readFileSync(keyFile, 'utf8').trim(), signedBy, said: text };
}

/** Serves a package; `change` may change a file of it. */
function serve(
  server: TestServer,
  path: string,
  folder: string,
  change: (name: string, bytes: Buffer) => Buffer = (_name, bytes) => bytes,
): string {
  for (const name of readdirSync(folder)) {
    const bytes = change(name, readFileSync(join(folder, name)));
    server.route(`${path}/${name}`, name === 'model.json' ? JSON.parse(String(bytes)) : bytes);
  }
  return `${server.origin}${path}/model.json`;
}

/** Changes `model.json`. */
const manifestOf =
  (edit: (manifest: ReturnType<typeof JSON.parse>) => void) =>
  (name: string, bytes: Buffer): Buffer => {
    if (name !== 'model.json') return bytes;
    const manifest = JSON.parse(String(bytes));
    edit(manifest);
    return Buffer.from(JSON.stringify(manifest));
  };

let model: Packed;

test.beforeAll(async () => {
  model = await packed('--key-id', 'spring');
});

test('the command line packs, and checks what it packed', async () => {
  const { folder, said, signedBy } = model;
  expect(said).toContain('a new key');
  expect(said).toContain('a new private key');
  expect(signedBy).toHaveLength(44);
  expect(readdirSync(folder).toSorted()).toEqual(['LICENSE', 'mean.onnx.enc', 'model.json']);
  const encrypted = readFileSync(join(folder, 'mean.onnx.enc'));
  expect(encrypted.includes('GlobalAveragePool')).toBe(false);
  const manifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  expect(manifest).toMatchObject({
    labels: ['red', 'green', 'blue'],
    encryption: { algorithm: 'AES-GCM', keyId: 'spring' },
    signature: { algorithm: 'Ed25519' },
    files: [{ url: 'mean.onnx.enc', bytes: encrypted.length, sha256: sha256(encrypted) }],
  });
  const alone = await run('check', folder);
  expect(alone).toMatchObject({
    code: 0,
    text: expect.stringContaining('not run, because --key was not given'),
  });
  const opened = await run('check', folder, '--key', join(folder, '../key'));
  expect(opened).toMatchObject({ code: 0, text: expect.stringContaining('runs') });
  const again = await run(
    'pack',
    folder,
    `${folder}2`,
    '--encrypt',
    '--key',
    join(folder, '../key'),
  );
  expect(again).toMatchObject({ code: 1, text: expect.stringContaining('encrypted already') });
  const past = await run(
    ...[
      'pack',
      join(folder, '../from'),
      `${folder}3`,
      '--encrypt',
      '--key',
      join(folder, '../key'),
    ],
    ...['--expires', '2020-01-01'],
  );
  expect(past).toMatchObject({ code: 1, text: expect.stringContaining('a date to come') });
});

test('a page with the key gets answers, and nothing is stored in clear', async ({
  page,
  server,
  open,
}) => {
  const locked = serve(server, '/locked', model.folder);
  const [file] = meanColour.manifest.files;
  const files = [{ ...file, sha256: sha256(meanColour.model) }];
  server.route('/clear/model.json', { ...meanColour.manifest, name: 'clear-colour', files });
  server.route('/clear/mean.onnx', meanColour.model);
  const clear = `${server.origin}/clear/model.json`;
  await open();
  const load = (url: string) =>
    page.evaluate(
      async ({ url, key, signedBy, plain }) => {
        const { ImageClassifier } = window.tabserve;
        const asked: object[] = [];
        const classifier = await ImageClassifier.create({
          model: url,
          device: 'wasm',
          ...(url.includes('/locked/') && { signedBy }),
          decryptionKey: (question) => {
            asked.push(question);
            return key;
          },
        });
        const canvas = new OffscreenCanvas(8, 8);
        const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
        context.fillStyle = '#00ff00';
        context.fillRect(0, 0, 8, 8);
        const [best] = await classifier.classify(canvas);
        const { from } = classifier.info.model;
        classifier.destroy();
        // It is stored after the first answer.
        await window.tabserve.models.usage();
        const textOf = (bytes: BufferSource) => new TextDecoder('latin1').decode(bytes);
        const clear = Uint8Array.from(atob(plain), (each) => each.charCodeAt(0));
        const found: string[] = [];
        const look = async (directory: FileSystemDirectoryHandle): Promise<void> => {
          for await (const handle of directory.values()) {
            if (handle.kind === 'directory') await look(handle as FileSystemDirectoryHandle);
            else {
              const file = await (handle as FileSystemFileHandle).getFile();
              found.push(textOf(await file.arrayBuffer()));
            }
          }
        };
        await look(await navigator.storage.getDirectory());
        const caught = found.filter((text) => text.includes(textOf(clear))).length;
        const kept = found.filter((text) => text.includes('TABSENC1')).length;
        const hasKey = found.some((text) => text.includes(key));
        return { best, asked, from, caught, kept, hasKey };
      },
      {
        url,
        key: model.key,
        signedBy: model.signedBy,
        plain: meanColour.model.toString('base64'),
      },
    );
  const first = await load(locked);
  expect(first).toMatchObject({
    best: { label: 'green', score: 1 },
    asked: [{ model: 'mean-colour', version: '1.0.0', keyId: 'spring' }],
    from: 'network',
    caught: 0,
    kept: 1,
    hasKey: false,
  });
  server.requests.length = 0;
  // The second time it comes from the store, encrypted and signed as it was.
  expect(await load(locked)).toMatchObject({
    best: { label: 'green' },
    from: 'store',
    caught: 0,
  });
  expect(server.requests.filter((path) => path.includes('/locked/'))).toEqual([]);
  // Of one that is not encrypted the same search finds the bytes.
  expect(await load(clear)).toMatchObject({ best: { label: 'green' }, asked: [], caught: 1 });
});

test('what is not as it should be has its error, and the next load works', async ({
  page,
  server,
  open,
}) => {
  const other = await packed();
  const dated = await packed('--expires', '2999-01-01');
  const swap = readFileSync(join(other.folder, 'mean.onnx.enc'));
  const flipped = Buffer.from(readFileSync(join(model.folder, 'mean.onnx.enc')));
  flipped[200] = (flipped[200] ?? 0) ^ 1;
  const enc = (bytes: Buffer) => (name: string, own: Buffer) =>
    name.endsWith('.enc') ? bytes : own;
  const both = (bytes: Buffer) => (name: string, own: Buffer) =>
    name.endsWith('.enc')
      ? bytes
      : manifestOf((manifest) => {
          manifest.files[0].sha256 = sha256(bytes);
          manifest.files[0].bytes = bytes.length;
        })(name, own);
  const urls = {
    good: serve(server, '/p-good', model.folder),
    flipped: serve(server, '/p-flipped', model.folder, enc(flipped)),
    tampered: serve(server, '/p-tampered', model.folder, both(flipped)),
    swapped: serve(server, '/p-swapped', model.folder, both(swap)),
    relabelled: serve(
      server,
      '/p-relabelled',
      model.folder,
      manifestOf((manifest) => manifest.labels.reverse()),
    ),
    prolonged: serve(
      server,
      '/p-prolonged',
      dated.folder,
      manifestOf((manifest) => {
        manifest.encryption.expires = '2999-02-01T00:00:00.000Z';
      }),
    ),
    over: serve(
      server,
      '/p-over',
      dated.folder,
      manifestOf((manifest) => {
        manifest.encryption.expires = '2020-01-01T00:00:00.000Z';
      }),
    ),
  };
  await open();
  const found = await page.evaluate(
    async ({ urls, key, dated, signedBy, otherSigner }) => {
      const { ImageClassifier } = window.tabserve;
      type Options = Parameters<typeof ImageClassifier.create>[0];
      const give = () => key;
      const tries: Record<string, Options> = {
        // Before the right ones are in the store, by their sha256.
        'other bytes': { model: urls.flipped, decryptionKey: give },
        'no key': { model: urls.good },
        'none given': { model: urls.good, decryptionKey: () => null },
        'another key': { model: urls.good, decryptionKey: () => btoa('x'.repeat(32)) },
        'no base64': { model: urls.good, decryptionKey: () => '?' },
        'its time over': {
          model: urls.good,
          decryptionKey: () => ({ key, expires: new Date('2020-01-01') }),
        },
        'the package over': { model: urls.over, decryptionKey: () => dated },
        'the callback throws': {
          model: urls.good,
          decryptionKey: () => Promise.reject(new Error('not signed in')),
        },
        tampered: { model: urls.tampered, decryptionKey: give },
        "another package's file": { model: urls.swapped, decryptionKey: give },
        'a later expiry': { model: urls.prolonged, decryptionKey: () => dated },
        'tampered, and signed': { model: urls.tampered, decryptionKey: give, signedBy },
        'other labels': { model: urls.relabelled, decryptionKey: give, signedBy },
        'another signer': { model: urls.good, decryptionKey: give, signedBy: otherSigner },
        'not signed': { model: 'digits', signedBy },
        'no public key': { model: urls.good, signedBy: 'AAAA' },
        'no function': { model: urls.good, decryptionKey: key as never },
      };
      const codes: Record<string, string> = {};
      for (const [name, options] of Object.entries(tries)) {
        codes[name] = await ImageClassifier.create({ ...options, device: 'wasm' }).then(
          (classifier) => {
            classifier.destroy();
            return 'loaded';
          },
          (error) => `${error.code}: ${error.message}`,
        );
      }
      const classifier = await ImageClassifier.create({
        model: urls.good,
        device: 'wasm',
        signedBy: [otherSigner, signedBy],
        decryptionKey: async () => {
          const bytes = Uint8Array.from(atob(key), (each) => each.charCodeAt(0));
          return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['decrypt']);
        },
      });
      const canvas = new OffscreenCanvas(8, 8);
      canvas.getContext('2d')?.fillRect(0, 0, 8, 8);
      const answers = await classifier.classify(canvas);
      classifier.destroy();
      return { codes, answers: answers.length };
    },
    {
      urls,
      key: model.key,
      dated: dated.key,
      signedBy: model.signedBy,
      otherSigner: other.signedBy,
    },
  );
  const expected: Record<string, RegExp> = {
    'other bytes': /^integrity/,
    'no key': /^key-missing: .*"spring"/,
    'none given': /^key-missing/,
    'another key': /^key-wrong: .*"spring"/,
    'no base64': /^key-wrong: .*no key of AES-GCM/,
    'its time over': /^key-expired: .*2020-01-01/,
    'the package over': /^key-expired/,
    'the callback throws': /not signed in/,
    tampered: /^integrity: .*changed after it was encrypted/,
    // It has a key of its own.
    "another package's file": /^key-wrong/,
    'a later expiry': /^integrity/,
    'tampered, and signed': /^signature-invalid/,
    'other labels': /^signature-invalid/,
    'another signer': /^signature-invalid/,
    'not signed': /^signature-invalid: .*no model\.json/,
    'no public key': /^invalid-argument: .*"signedBy"/,
    'no function': /^invalid-argument: .*"decryptionKey"/,
  };
  for (const [name, code] of Object.entries(expected))
    expect(found.codes[name], name).toMatch(code);
  expect(Object.keys(found.codes)).toEqual(Object.keys(expected));
  expect(found.answers).toBe(3);
});

test('an update takes the key and the signature too; without them the former version stays', async ({
  page,
  server,
  open,
}) => {
  const first = await packed();
  const url = serve(server, '/updated', first.folder);
  const home = join(first.folder, '..');
  const manifest = { ...meanColour.manifest, version: '1.1.0', labels: ['r', 'g', 'b'] };
  writeFileSync(join(home, 'from/model.json'), JSON.stringify(manifest));
  const args = ['--encrypt', '--key', join(home, 'key'), '--sign', join(home, 'signer.pem')];
  const { code, text } = await run('pack', join(home, 'from'), join(home, 'next'), ...args);
  expect(code, text).toBe(0);
  await open();
  const load = () =>
    page.evaluate(
      async ({ url, key, signedBy }) => {
        const { ImageClassifier } = window.tabserve;
        const options = { signedBy, decryptionKey: () => key };
        const classifier = await ImageClassifier.create({ ...options, model: url, device: 'wasm' });
        const { version, labels } = classifier.info.model;
        classifier.destroy();
        return { version, labels };
      },
      { url, key: first.key, signedBy: first.signedBy },
    );
  expect(await load()).toEqual({ version: '1.0.0', labels: ['red', 'green', 'blue'] });
  serve(server, '/updated', join(home, 'next'));
  const refused = await page.evaluate(
    (url) => window.tabserve.models.update(url).catch(({ code }) => code),
    url,
  );
  expect(refused).toBe('key-missing');
  expect(await load()).toMatchObject({ version: '1.0.0' });
  const change = await page.evaluate(
    ({ url, key, signedBy }) =>
      window.tabserve.models.update(url, { signedBy, decryptionKey: () => key }),
    { url, key: first.key, signedBy: first.signedBy },
  );
  expect(change).toMatchObject({ version: '1.1.0', from: '1.0.0', changed: true });
  expect(await load()).toEqual({ version: '1.1.0', labels: ['r', 'g', 'b'] });
});
