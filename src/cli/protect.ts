/** Packages of models: with sizes and sha256, and on demand encrypted and signed. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../base/errors.js';
import { readLabels } from '../model/label-file.js';
import type { CoreManifest, FileReference } from '../model/manifest-core.js';
import { base64Of, bytesOfBase64 } from '../model/protection/canonical.js';
import { encryptFile } from '../model/protection/encryption.js';
import { sign } from '../model/protection/signature.js';
import type { ManifestEncryption } from '../model/protection/types.js';
import { parseJson } from '../model/text.js';
import { parseAnyManifest } from '../tasks/manifests.js';
import { inside } from './check.js';
import { keyBytes } from './keys.js';

/** Options of {@link protect}. */
export interface ProtectOptions {
  /** @default false */
  encrypt?: boolean | undefined;
  /** A file with the key. */
  key?: string | undefined;
  'key-id'?: string | undefined;
  expires?: string | undefined;
  /** A file with the private key, PKCS 8 as PEM. */
  sign?: string | undefined;
  /** Replace what is there. @default false */
  force?: boolean | undefined;
}

/**
 * Writes a model's package to `to`: its manifest with labels, sizes and sha256 in it, its files, and the
 * licences and cards that lie beside them.
 *
 * @throws Error for what does not fit together; nothing is written then.
 */
export async function protect(
  from: string,
  to: string,
  options: ProtectOptions,
  say: (line: string) => void,
): Promise<void> {
  const { encrypt = false, force = false } = options;
  const where = join(from, 'model.json');
  if (!existsSync(where)) throw new Error(`There is no ${where}.`);
  if (existsSync(to)) {
    if (resolve(to) === resolve(from)) throw new Error('The new directory is the old one.');
    if (!force) throw new Error(`${to} is there already. --force replaces it.`);
    // Other files are not to be deleted.
    if (!existsSync(join(to, 'model.json'))) {
      throw new Error(`${to} has no model in it to replace. Name another new directory.`);
    }
  }
  if (!encrypt && (options.key ?? options['key-id'] ?? options.expires) !== undefined) {
    throw new Error('--key, --key-id and --expires go with --encrypt.');
  }
  if (encrypt && options.key === undefined) {
    throw new Error('--encrypt takes --key <file>: the key, or where a new one is to be written.');
  }
  const raw = parseJson(await readFile(where, 'utf8'), where) as CoreManifest;
  const manifest = parseAnyManifest(raw, where);
  if (manifest.encryption) throw new Error(`${where} is encrypted already.`);
  const given = Array.isArray(manifest.labels) ? manifest.labels : undefined;
  const labels =
    manifest.labels === undefined || given
      ? given && { labels: given }
      : readLabels(
          await readFile(inside(from, (manifest.labels as { url: string }).url)),
          (manifest.labels as { url: string }).url,
        );
  const locked = encrypt ? await lockOf(options, say) : null;
  const written = new Map<string, Uint8Array>();
  const packed = async <Reference extends FileReference>(
    file: Reference,
    lock = locked,
  ): Promise<Reference> => {
    const bytes = new Uint8Array(await readFile(inside(from, file.url)));
    const found = createHash('sha256').update(bytes).digest('hex');
    if (file.sha256 !== undefined && file.sha256 !== found) {
      throw new Error(`${file.url} has the sha256 ${found}; model.json says ${file.sha256}.`);
    }
    const url = lock ? `${file.url}.enc` : file.url;
    const about = lock && { model: manifest.name, version: manifest.version, url, ...lock };
    const served = about ? await encryptFile(bytes, about, about.key) : bytes;
    written.set(url, served);
    const sha256 = createHash('sha256').update(served).digest('hex');
    return { ...file, url, bytes: served.length, sha256 };
  };
  const { signature: _, ...rest } = raw as CoreManifest & { signature?: unknown };
  const assets = Object.entries(manifest.assets ?? {});
  const result = {
    ...rest,
    ...labels,
    files: await inTurn(manifest.files, async (file) => ({
      ...(await packed(file)),
      ...(file.external && { external: await inTurn(file.external, (each) => packed(each)) }),
    })),
    ...(assets.length > 0 && {
      assets: Object.fromEntries(
        await inTurn(assets, async ([name, asset]) => [name, await packed(asset)] as const),
      ),
    }),
    ...(manifest.translations && {
      // As readable as the labels are.
      translations: Object.fromEntries(
        await inTurn(
          Object.entries(manifest.translations),
          async ([tag, file]) => [tag, await packed(file, null)] as const,
        ),
      ),
    }),
    ...(locked && { encryption: locked.encryption }),
  };
  const signed = options.sign === undefined ? null : await signerOf(options.sign, say);
  // As pages will read it.
  const plain = JSON.parse(JSON.stringify(result)) as object;
  const whole = signed ? { ...plain, signature: await sign(plain, signed) } : plain;
  parseAnyManifest(whole, 'The new model.json');
  const tests = new Map<string, Uint8Array>();
  for (const url of filesOfTests(manifest)) tests.set(url, await readFile(inside(from, url)));
  if (existsSync(to)) await rm(to, { recursive: true });
  await mkdir(to, { recursive: true });
  for (const [url, bytes] of written) {
    const target = inside(to, url);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
    say(`${url}: ${bytes.length} bytes${locked ? ', encrypted' : ''}`);
  }
  for (const [url, bytes] of tests) {
    const target = inside(to, url);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
    say(`${url}: ${bytes.length} bytes, of the self-test, as it is`);
  }
  await writeFile(join(to, 'model.json'), `${JSON.stringify(whole, null, 2)}\n`);
  for (const name of await readdir(from)) {
    if (/^(readme|licen[cs]e|notice)(\.\w+)?$/i.test(name)) {
      await copyFile(join(from, name), join(to, name));
    }
  }
  if (locked) say('Labels and the rest of model.json stay readable; see docs/protect.md.');
  say(`${manifest.name} ${manifest.version}: ${to}${signed ? ', signed' : ''}.`);
}

function filesOfTests({ selfTest = [] }: CoreManifest): string[] {
  const listed = (files: object | string[]) => (Array.isArray(files) ? files : []);
  const urls = selfTest.flatMap((test) =>
    'image' in test ? [test.image] : [...listed(test.inputs), ...listed(test.outputs)],
  );
  return urls.filter((url) => !URL.canParse(url));
}

/** One after the other: files are large. */
async function inTurn<From, To>(items: readonly From[], make: (item: From) => Promise<To>) {
  const made: To[] = [];
  for (const item of items) made.push(await make(item));
  return made;
}

async function lockOf(
  options: ProtectOptions,
  say: (line: string) => void,
): Promise<{ encryption: ManifestEncryption; key: CryptoKey }> {
  const { key: file = '', expires } = options;
  if (!existsSync(file)) {
    await writeFile(file, `${base64Of(randomBytes(32))}\n`, { mode: 0o600, flag: 'wx' });
    say(`${file}: a new key. Whoever has it can read the model; keep it out of what is served.`);
  }
  const bytes = await keyBytes(file);
  const until = expires === undefined ? undefined : new Date(expires);
  if (until && !(until.getTime() > Date.now())) {
    throw new Error(`--expires is "${expires}"; expected a date to come, such as 2027-01-31.`);
  }
  const fingerprint = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return {
    encryption: {
      algorithm: 'AES-GCM',
      keyId: options['key-id'] ?? fingerprint,
      ...(until && { expires: until.toISOString() }),
    },
    key: await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
  };
}

async function signerOf(file: string, say: (line: string) => void): Promise<CryptoKey> {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await writeFile(file, privateKey, { mode: 0o600, flag: 'wx' });
    say(`${file}: a new private key. Keep it out of what is served.`);
  }
  try {
    const pem = await readFile(file, 'utf8');
    const der = bytesOfBase64(pem.replace(/-----[^-]+-----|\s/g, ''));
    const key = await crypto.subtle.importKey('pkcs8', der, 'Ed25519', true, ['sign']);
    const { x = '' } = await crypto.subtle.exportKey('jwk', key);
    say(`signedBy: '${Buffer.from(x, 'base64url').toString('base64')}'`);
    return key;
  } catch (cause) {
    throw new Error(`${file} is no Ed25519 key: ${messageOf(cause)}. Expected PKCS 8 as PEM.`, {
      cause,
    });
  }
}
