/**
 * comlink, without what nobody here asks it for: tabserve's two sides call functions by their names, with
 * plain values, and each call has an answer. Nobody reads or sets properties from afar, constructs,
 * hands functions over, or opens further ports; ports live as long as their workers.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { saidDifferently, type Words } from './said-differently.js';

const words: Words = [
  // What may be asked of an exposed object.
  [/case "(GET|SET|CONSTRUCT|ENDPOINT|RELEASE)"[^:]*:\s*\{[\s\S]*?\n {20}\}\s*break;/g, ''],
  [/if \(type === "RELEASE"[\s\S]*?\n {12}\}/g, ''],
  // Every sender is this page or its worker.
  [/if \(!isAllowedOrigin[\s\S]*?\n {8}\}/g, ''],
  ['["proxy", proxyTransferHandler],', ''],
  // What a proxy can do.
  [/\n {8}(set|construct)\(_target[\s\S]*?\n {8}\},/g, ''],
  [/if \((prop === releaseProxy|last === (createEndpoint|"bind"))\)[\s\S]*?\n {12}\}/g, ''],
  [/const r = requestResponseMessage[\s\S]*?return r\.then\.bind\(r\);/g, 'return undefined;'],
  ['throwIfProxyReleased(isProxyReleased);', ''],
  [/const proxyFinalizers = [\s\S]*?\n {4}\}\);/g, ''],
  ['registerProxy(proxy, ep);', ''],
];

/** comlink's module as it is in tabserve's scripts. @param id - Where it lies. */
export function leanModule(id: string): string {
  return saidDifferently(readFileSync(id, 'utf8'), words, id);
}

/** Takes comlink as said above. */
export function leanComlink(): Plugin {
  return {
    name: 'tabserve:lean-comlink',
    enforce: 'pre',
    load: {
      filter: { id: /\/comlink\/dist\/esm\/comlink\.mjs$/ },
      handler: leanModule,
    },
  };
}
