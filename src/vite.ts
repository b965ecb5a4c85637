/**
 * A plugin for Vite: a build gets the engines and the embedded models that the app uses, and says what
 * they weigh. Without it Vite copies all of them.
 *
 * @module tabserve/vite
 * @packageDocumentation
 */

/** Options of {@link tabserve}. */
export interface TabserveOptions {
  /** What models run on. Without `webgpu` everything runs on WASM. @default ['wasm', 'webgpu'] */
  engines?: readonly ('wasm' | 'webgpu')[];
  /** The embedded models that the app names. @default ['photos'] */
  models?: readonly string[];
}

/** As much of Vite's plugin as this one is, so that Vite itself need not be here. */
export interface VitePlugin {
  name: string;
  apply: 'build';
  enforce: 'pre';
  /** Leaves out of the library's code what the app does not use. Called by Vite. */
  transform(code: string, id: string): { code: string; map: null } | null;
  /** Says what the files weigh. Called by Vite. */
  generateBundle(
    options: unknown,
    bundle: Record<
      string,
      { type: string; fileName: string; code?: string; source?: string | Uint8Array }
    >,
  ): void;
}

/** What addresses of files that were left out say. */
const leftOut = 'data:text/plain,left%20out%20by%20tabserve/vite';

/**
 * The plugin. Put it into the `plugins` of Vite's configuration.
 *
 * @example
 * ```ts
 * // vite.config.ts
 * import { tabserve } from 'tabserve/vite';
 * export default { plugins: [tabserve({ engines: ['wasm'], models: ['photos'] })] };
 * ```
 */
export function tabserve({
  engines = ['wasm', 'webgpu'],
  models = ['photos'],
}: TabserveOptions = {}): VitePlugin {
  const isKept = (path: string) => {
    if (/(worker-|threaded\.)(jspi|asyncify)/.test(path)) return engines.includes('webgpu');
    const [, model] = /^models\/([^/]+)\//.exec(path) ?? [];
    return model === undefined || models.includes(model);
  };
  return {
    name: 'tabserve',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (!/[\\/]dist[\\/]index\.js(\?|$)/.test(id) || !code.includes('ort-wasm-simd-threaded')) {
        return null;
      }
      const without = code
        .replaceAll(/new URL\(\s*["'`]\.\/([^"'`]+)["'`],\s*import\.meta\.url\)/g, (all, path) =>
          isKept(path) ? all : `new URL("${leftOut}")`,
        )
        .replaceAll(/import\(\s*["'`]\.\/chunks\/([^"'`]+)["'`]\s*\)/g, (all, path) =>
          isKept(path)
            ? all
            : `Promise.reject(new Error(${JSON.stringify(`${path} was left out of this build. Name its engine in tabserve/vite's "engines".`)}))`,
        );
      return { code: without, map: null };
    },
    generateBundle(_options, bundle) {
      const own = Object.values(bundle).filter(({ fileName }) =>
        /(ort-wasm|worker-(wasm|jspi|asyncify)|\.onnx|pack-)/.test(fileName),
      );
      const sizes = own.map(({ code, source }) => (code ?? source ?? '').length);
      const megabytes = sizes.reduce((sum, size) => sum + size, 0) / 1e6;
      console.log(
        `tabserve: ${own.length} files of engines, workers and models, ${megabytes.toFixed(1)} MB (${engines.join(', ')}; ${models.join(', ') || 'no models'})`,
      );
    },
  };
}
