/** The licences of what the built files contain of others. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';

/** Packages whose code is in `dist/`. */
export const bundled = [
  'onnxruntime-web',
  'onnxruntime-common',
  'comlink',
  'valibot',
  '@noble/hashes',
  'fflate',
  'fft.js',
  '@huggingface/tokenizers',
  '@jsquash/jpeg',
  '@jsquash/png',
] as const;

/** Licences of packages that come without the text, as their project has it. */
const texts: Readonly<Record<string, string>> = {
  'onnxruntime-web': 'onnxruntime.txt',
  'onnxruntime-common': 'onnxruntime.txt',
  'fft.js': 'fft.js.txt',
};

/**
 * Emits `THIRD-PARTY-LICENSES.txt`.
 *
 * @param modules - The folder `node_modules`.
 */
export function thirdPartyLicences(modules: string): Plugin {
  return {
    name: 'tabserve:third-party-licences',
    generateBundle() {
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY-LICENSES.txt',
        source: [...bundled.map((name) => section(name, resolve(modules, name))), weights()].join(
          '\n',
        ),
      });
    },
  };
}

/** The embedded model that began as the work of others. */
function weights(): string {
  const title = 'The model "photos" (Apache-2.0)';
  const text = readFileSync(
    resolve(import.meta.dirname, 'licences/efficientnet-lite0.txt'),
    'utf8',
  );
  return `${title}\n${'='.repeat(title.length)}\n\n${text.trim()}\n`;
}

/** The licence of the decoder that a package wraps. */
function codec(folder: string): string {
  const path = resolve(folder, 'codec/LICENSE.codec.md');
  return existsSync(path) ? `\nIts decoder:\n\n${readFileSync(path, 'utf8').trim()}\n` : '';
}

function section(name: string, folder: string): string {
  const { version, license } = JSON.parse(readFileSync(resolve(folder, 'package.json'), 'utf8'));
  const title = `${name} ${version} (${license})`;
  const binary =
    name === 'onnxruntime-web'
      ? `\nIts WebAssembly binaries contain the libraries that this file names:\nhttps://github.com/microsoft/onnxruntime/blob/v${version}/ThirdPartyNotices.txt\n`
      : '';
  return `${title}\n${'='.repeat(title.length)}\n${binary}\n${licence(name, folder)}\n${codec(folder)}`;
}

function licence(name: string, folder: string): string {
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each));
  const own = texts[name];
  if (file) return readFileSync(resolve(folder, file), 'utf8').trim();
  if (own) return readFileSync(resolve(import.meta.dirname, 'licences', own), 'utf8').trim();
  throw new Error(`${name} comes without its licence's text: add it to src/build/licences.`);
}
