/** Tells the service worker which files make up the site, and which version that is. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Files that tabserve's store keeps when they are used. */
const kept = /\.(gz|wasm|onnx|map)$/;

/**
 * @param publicFolder - Files that are copied as they are.
 */
export function siteFiles(publicFolder: string): Plugin {
  return {
    name: 'tabserve:site-files',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const worker = bundle['sw.js'];
        if (worker?.type !== 'chunk') throw new Error('There is no service worker in the build.');
        const hash = createHash('sha256');
        const names: string[] = [];
        const add = (name: string, content: string | Uint8Array) => {
          hash.update(name).update(content);
          if (!kept.test(name)) names.push(name);
        };
        for (const output of Object.values(bundle)) {
          if (output.type === 'asset') add(output.fileName, output.source);
          else add(output.fileName, output.code);
        }
        for (const name of existsSync(publicFolder) ? readdirSync(publicFolder) : []) {
          add(name, readFileSync(join(publicFolder, name)));
        }
        worker.code = worker.code
          .replace('__SITE_FILES__', JSON.stringify(names.filter((name) => name !== 'sw.js')))
          .replace('__SITE_VERSION__', JSON.stringify(hash.digest('hex').slice(0, 16)));
      },
    },
  };
}
