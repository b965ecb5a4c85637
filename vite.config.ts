/**
 * One configuration, several builds (`--mode`), in the order that `npm run build` runs them:
 *
 * - `wasm`, `jspi`, `asyncify`: a worker's script with that build of ONNX Runtime inside;
 * - `pack-image`, `pack-tensor`, `pack-audio`, `pack-text`, `pack-table`, `pack-search`, `pack-learn`, `pack-explain`, `pack-protect`: what a worker for other tasks needs besides (see `src/tasks/pack.ts`);
 * - `library`: `dist/index.js`, with the worker scripts as text in lazy chunks, and beside it the
 *   files that are fetched by address: engine binaries, embedded models;
 * - `element`, `learn`, `react`: `dist/element.js`, `dist/learn.js` and `dist/react.js`, on top of `dist/index.js`;
 * - `global`: `dist/tabserve.global.js`, the same for a classic script tag, in one file;
 * - `manifest`, `translate`, `audio`, `library-client`, `given`, `keys`, `background`, `sharing`: parts that the script tag's build loads when it needs them;
 * - `server`: `dist/server.js`, the model server, which stands alone: models come to it from the page;
 * - `explain`: `dist/explain.js`, why models answer as they do, for models that the page has already;
 * - `service-worker`, `model-server-sw`: what a service worker passes to it, for one that there is, and as one;
 * - `cli`: `dist/cli.js`, the command line, for Node;
 * - `vite`: `dist/vite.js`, the plugin for Vite;
 * - `demo`: the demo page in `site/`, a plain Vite app that uses the built package;
 * - `file`: the demo page once more, as one file that works when it is double-clicked.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin, type Rolldown, type UserConfig } from 'vite';
import openWabt from 'wabt';
import { type EngineFlavour, engineFromSource, engineSwitches } from './src/build/engine.js';
import { engineParts } from './src/build/engine-parts/parts.js';
import { thirdPartyLicences } from './src/build/licences.js';
import { siteFiles } from './src/demo/offline/plugin.js';

const root = import.meta.dirname;
const ortFolder = resolve(root, 'node_modules/onnxruntime-web');

/** Isolation gives threads; CORP lets other origins embed the files all the same. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

const ortBinaries = ['', '.jspi', '.asyncify'].map(
  (build) => `ort-wasm-simd-threaded${build}.wasm`,
);

/** Beside the packages: what takes seconds to make. */
const cache = resolve(root, 'node_modules/.cache/tabserve');

/** The engine that answers first, with a kernel of tabserve's, whole and in two parts. */
const parts = await engineParts(
  new Uint8Array(readFileSync(resolve(ortFolder, 'dist/ort-wasm-simd-threaded.wasm'))),
  cache,
  console.warn,
);

/** What is served of the engine, by the name of its file before `.gz`. */
const engineFiles: Readonly<Record<string, Uint8Array>> = {
  ...Object.fromEntries(
    ortBinaries.map((name) => [name, readFileSync(resolve(ortFolder, 'dist', name))]),
  ),
  'ort-wasm-simd-threaded.wasm': parts.first,
  // Bundlers take the file that is named, and one of no code is none to them.
  'ort-wasm-simd-threaded.rest.wasm': parts.rest ?? parts.first,
};

/** Facts that the code takes from elsewhere. */
const define = {
  __TABSERVE_VERSION__: JSON.stringify(versionOf(root)),
  __ORT_VERSION__: JSON.stringify(versionOf(ortFolder)),
  ...embeddedModels(),
  __ORT_BINARIES__: JSON.stringify(
    Object.fromEntries([
      ...ortBinaries.map((name) => [
        name,
        fingerprint(readFileSync(resolve(ortFolder, 'dist', name))),
      ]),
      ...Object.entries(engineFiles).map(([name, content]) => [`${name}.gz`, fingerprint(content)]),
    ]),
  ),
  __ENGINE_OPERATORS__: JSON.stringify(parts.operators),
};

/** What the page's script says of the embedded models, but for some. */
function embeddedModels(leftOut: readonly string[] = []) {
  const catalog = JSON.parse(readFileSync(resolve(root, 'models/catalog.json'), 'utf8'));
  const models = (catalog.models as { name: string }[]).filter(
    ({ name }) => !leftOut.includes(name),
  );
  return {
    __TABSERVE_EMBEDDED__: JSON.stringify(models),
    __TABSERVE_EMBEDDED_NAMES__: JSON.stringify(models.map(({ name }) => name)),
  };
}

function fingerprint(content: Uint8Array): { bytes: number; sha256: string } {
  return {
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

/** Embedded models that the page in one file does not carry, which has to stay small enough to be sent. */
const leftOutOfOneFile: readonly string[] = ['everyday'];

/** What the script tag's build loads when it needs it, by the module that the page imports. */
const partNames: Readonly<Record<string, string>> = {
  'tasks/manifests': 'manifest',
  'tasks/translate': 'translate',
  'input/audio/page': 'audio',
  'library/client': 'library-client',
  'model/given': 'given',
  'api/keys': 'keys',
  'serving/background': 'background',
  'serving/sharing': 'sharing',
};

export default defineConfig(({ mode }): UserConfig => {
  switch (mode) {
    case 'wasm':
    case 'jspi':
    case 'asyncify':
      return workerBuild(mode);
    case 'pack-image':
    case 'pack-tensor':
    case 'pack-audio':
    case 'pack-text':
    case 'pack-table':
    case 'pack-search':
    case 'pack-learn':
    case 'pack-explain':
    case 'pack-protect':
      return packBuild(mode.slice('pack-'.length));
    case 'library':
      return libraryBuild('index', [
        copyAssets(),
        thirdPartyLicences(resolve(root, 'node_modules')),
      ]);
    case 'element':
      return libraryBuild('element/element', [besideTheLibrary()]);
    case 'learn':
      return libraryBuild('learn/index', [besideTheLibrary(), errorsOfTheLibrary()]);
    case 'react':
      return libraryBuild('react/react', [besideTheLibrary()]);
    case 'global':
      return globalBuild();
    case 'manifest':
    case 'translate':
    case 'audio':
    case 'library-client':
    case 'given':
    case 'keys':
    case 'background':
    case 'sharing':
      return partBuild(mode);
    case 'server':
      return entryBuild('server/index', 'server');
    case 'explain':
      return entryBuild('explain/index', 'explain');
    case 'service-worker':
      return entryBuild('server/service-worker/respond', 'service-worker');
    case 'model-server-sw':
      return entryBuild('server/service-worker/standalone', 'model-server-sw');
    case 'cli':
      return cliBuild();
    case 'vite':
      return pluginBuild();
    case 'demo':
      return demoBuild();
    case 'file':
      return fileBuild();
    default:
      return {
        root,
        define,
        plugins: [assemble(), shaders()],
        // A busy machine is no fault.
        test: {
          include: ['src/**/*.test.ts'],
          setupFiles: ['src/testing/seed.ts'],
          testTimeout: 60_000,
          // Its binaries are imported.
          server: { deps: { inline: [/@jsquash/] } },
        },
      } as UserConfig;
  }
});

function workerBuild(flavour: EngineFlavour): UserConfig {
  return {
    root,
    define: { ...define, ...engineSwitches(flavour) },
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      copyPublicDir: false,
      // A script that runs as a classic worker and as a module alike: from a file:// page only
      // the former starts, and the engine starts its threads as the latter.
      lib: {
        entry: `src/worker/worker-${flavour}.ts`,
        formats: ['iife'],
        name: 'tabserveWorker',
      },
      rolldownOptions: {
        output: { entryFileNames: `worker-${flavour}.js`, codeSplitting: false, minify: true },
      },
      minify: true,
    },
    plugins: [
      engineFromSource(resolve(root, 'node_modules'), resolve(root, 'src/runtime'), flavour),
      leanManifests(),
      assemble(),
      shaders(),
    ],
  };
}

function packBuild(name: string): UserConfig {
  return {
    root,
    define,
    publicDir: false,
    build: {
      target: 'es2022',
      outDir: 'dist/packs',
      emptyOutDir: false,
      lib: { entry: `src/worker/packs/${name}.ts`, formats: ['iife'], name: 'pack' },
      rolldownOptions: {
        output: { entryFileNames: `${name}.js`, codeSplitting: false, minify: true },
      },
      minify: true,
    },
    plugins: [
      assemble(),
      {
        name: 'tabserve:pack',
        enforce: 'post',
        generateBundle(_options, bundle) {
          for (const chunk of Object.values(bundle)) {
            if (chunk.type !== 'chunk') continue;
            // One statement that runs nothing yet, and whose function can be handed on as text.
            chunk.code = `(self.tabservePacks??={}).${name}=function(){${chunk.code.trim()}return pack};\n`;
          }
        },
      },
    ],
  };
}

function libraryBuild(
  entry: 'index' | 'element/element' | 'learn/index' | 'react/react',
  plugins: Plugin[],
): UserConfig {
  const [name = ''] = entry.split('/');
  return {
    root,
    define,
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      lib: { entry: { [name]: `src/${entry}.ts` }, formats: ['es'] },
      rolldownOptions: {
        // In one piece: what it finds beside itself it must find from this very file.
        ...(entry !== 'index' && { external: ['../index.js', 'react'] }),
        output: {
          entryFileNames: '[name].js',
          // Beside the library, so that any chunk may name files by addresses relative to itself.
          chunkFileNames: ({ name, facadeModuleId }) =>
            facadeModuleId?.includes('/dist/')
              ? facadeModuleId.includes('/packs/')
                ? 'chunks/pack-[name].js'
                : 'chunks/[name].js'
              : `${namedAs(name)}.js`,
          ...(entry === 'index' && { codeSplitting: { groups: [sharedAtOnce] } }),
          // Vite leaves the white space of ES libraries; a page without a bundler pays for it.
          minify: true,
          // Frameworks that render on a server take it for code of the browser.
          ...(entry === 'react/react' && { banner: "'use client';" }),
        },
      },
      minify: true,
    },
    plugins: [leaveAddressesAlone(), ...plugins],
  };
}

/**
 * What the library shares with its parts, in one file: a page without a bundler asks for each one by itself, and
 * for what a file imports only when that has come.
 */
const sharedAtOnce = {
  debugName: 'shared at once',
  name: (id: string, modules: Rolldown.ChunkingContext): string | null => {
    const seen = new Set([id]);
    for (const each of seen) {
      for (const importer of modules.getModuleInfo(each)?.importers ?? []) seen.add(importer);
    }
    return seen.has(resolve(root, 'src/index.ts')) ? 'shared' : null;
  },
  minShareCount: 2,
};

function globalBuild(): UserConfig {
  return {
    root,
    define,
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      lib: { entry: 'src/global.ts', formats: ['iife'], name: 'tabserveScript' },
      rolldownOptions: {
        output: { entryFileNames: 'tabserve.global.js', codeSplitting: false, minify: true },
      },
      minify: true,
    },
    plugins: [packageFiles('global'), loadParts()],
  };
}

/** A part of the script tag's build. */
function partBuild(name: string): UserConfig {
  const [module = ''] = Object.entries(partNames).find(([, each]) => each === name) ?? [];
  return {
    ...entryBuild(module, name, 'dist/parts'),
    plugins: [errorsOfTheScript()],
  };
}

/** A module that stands alone. */
function entryBuild(module: string, name: string, outDir = 'dist'): UserConfig {
  return {
    root,
    define,
    publicDir: false,
    build: {
      target: 'es2022',
      outDir,
      emptyOutDir: false,
      lib: { entry: `src/${module}.ts`, formats: ['es'] },
      rolldownOptions: {
        output: { entryFileNames: `${name}.js`, codeSplitting: false, minify: true },
      },
      minify: true,
    },
  };
}

function cliBuild(): UserConfig {
  return {
    root,
    define: { ...define, __ENGINE_HAS_GPU__: 'false' },
    publicDir: false,
    build: {
      target: 'node20',
      ssr: 'src/cli/main.ts',
      emptyOutDir: false,
      copyPublicDir: false,
      rolldownOptions: { output: { entryFileNames: 'cli.js', codeSplitting: false } },
    },
    // Whoever installs tabserve installs nothing else.
    ssr: { noExternal: true },
    resolve: { conditions: ['import', 'default'] },
    plugins: [assemble()],
  };
}

function pluginBuild(): UserConfig {
  return {
    root,
    publicDir: false,
    build: {
      target: 'node20',
      ssr: 'src/vite.ts',
      emptyOutDir: false,
      copyPublicDir: false,
      rolldownOptions: { output: { entryFileNames: 'vite.js' } },
    },
  };
}

function demoBuild(): UserConfig {
  return {
    root: resolve(root, 'src/demo'),
    base: './',
    // What is not there is answered with 404, and not with the page.
    appType: 'mpa',
    publicDir: resolve(root, 'public'),
    build: {
      target: 'es2022',
      outDir: resolve(root, 'site'),
      emptyOutDir: true,
      rolldownOptions: {
        input: ['index.html', 'offline/sw.ts'].map((file) => resolve(root, 'src/demo', file)),
        output: {
          // A service worker rules what lies below it, and is found again by its name.
          entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        },
      },
    },
    plugins: [siteFiles(resolve(root, 'public')), plainStylesheets()],
    resolve: {
      alias: {
        'tabserve/explain': resolve(root, 'dist/explain.js'),
        'tabserve/learn': resolve(root, 'dist/learn.js'),
        'tabserve/server': resolve(root, 'dist/server.js'),
        tabserve: resolve(root, 'dist/index.js'),
      },
    },
    server: { headers },
    preview: { headers },
  };
}

/** Without CORS, which browsers refuse a page from a disk: it is to look right there when it says what to do. */
function plainStylesheets(): Plugin {
  return {
    name: 'plain-stylesheets',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html.replaceAll('<link rel="stylesheet" crossorigin', '<link rel="stylesheet"'),
    },
  };
}

function fileBuild(): UserConfig {
  return {
    root: resolve(root, 'src/demo'),
    base: './',
    define: {
      ...define,
      ...embeddedModels(leftOutOfOneFile),
    },
    publicDir: false,
    build: {
      target: 'es2022',
      outDir: resolve(root, 'site'),
      emptyOutDir: false,
      assetsInlineLimit: Number.POSITIVE_INFINITY,
      modulePreload: false,
      rolldownOptions: {
        output: { format: 'iife', codeSplitting: false },
        checks: { emptyImportMeta: false },
      },
    },
    resolve: {
      alias: {
        'tabserve/explain': resolve(root, 'src/explain/index.ts'),
        'tabserve/learn': resolve(root, 'src/learn/index.ts'),
        'tabserve/server': resolve(root, 'src/server/index.ts'),
        tabserve: resolve(root, 'src/index.ts'),
      },
    },
    plugins: [packageFiles('single'), oneFile()],
  };
}

/**
 * The addresses in `package-files.ts` are for the bundlers of those who use the package: Vite must
 * leave them, and they must stay as bundlers recognise them.
 */
function leaveAddressesAlone(): Plugin {
  return {
    name: 'tabserve:leave-addresses-alone',
    enforce: 'pre',
    transform: {
      filter: { id: /package-files\.ts$/ },
      handler: (code) => code.replaceAll('=> new URL(', '=> new URL(/* @vite-ignore */ '),
    },
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        chunk.code = chunk.code.replaceAll(
          /new URL\(\s*\/\*[^*]*\*\/\s*[`'"]([^`'"]+)[`'"],\s*import\.meta\.url\)/g,
          'new URL("$1",import.meta.url)',
        );
      }
    },
  };
}

/** The element takes the library from the file beside it, wherever their sources lie. */
function besideTheLibrary(): Plugin {
  return {
    name: 'tabserve:beside-the-library',
    renderChunk: (code) => code.replaceAll(/(['"`])\.\.\/index\.js\1/g, '"./index.js"'),
  };
}

/** Errors of one class, whichever file throws them. */
function errorsOfTheLibrary(): Plugin {
  return {
    name: 'tabserve:errors-of-the-library',
    enforce: 'pre',
    resolveId: {
      filter: { id: /\/base\/errors\.js$/ },
      handler: () => ({ id: '../index.js', external: true }),
    },
  };
}

/** Leaves out of the embedded manifests what no worker reads; the page has its own, on demand. */
function leanManifests(): Plugin {
  return {
    name: 'tabserve:lean-manifests',
    enforce: 'pre',
    transform: {
      filter: { id: /\/models\/[^/]+\/model\.json$/ },
      handler: (code) => {
        const { description, source, metrics, ...needed } = JSON.parse(code);
        return JSON.stringify(needed);
      },
    },
  };
}

/** Takes another variant of `package-files.ts`. */
function packageFiles(variant: 'global' | 'single'): Plugin {
  return {
    name: 'tabserve:package-files',
    enforce: 'pre',
    resolveId: {
      filter: { id: /\/package-files\.js$/ },
      handler: () => resolve(root, `src/wire/package-files.${variant}.ts`),
    },
  };
}

/** Makes of WebAssembly text (`.wat`), and of binaries (`.wasm?bytes`), what `WebAssembly.Module` takes. */
function assemble(): Plugin {
  return {
    name: 'tabserve:assemble',
    async load(id) {
      if (id.endsWith('.wasm?bytes')) {
        const binary = readFileSync(id.replace(/\?bytes$/, '')).toString('base64');
        return `export default Uint8Array.from(atob("${binary}"), (byte) => byte.charCodeAt(0));`;
      }
      if (!id.endsWith('.wat')) return;
      const wabt = await openWabt();
      const module = wabt.parseWat(id, readFileSync(id, 'utf8'));
      const { buffer } = module.toBinary({});
      module.destroy();
      // Unlike base64 it keeps to the borders of bytes, and so compresses to two thirds.
      const text = JSON.stringify(Buffer.from(buffer).toString('hex'));
      return `export default Uint8Array.from(${text}.match(/../g), (byte) => parseInt(byte, 16));`;
    },
  };
}

/** Hands shaders (`.wgsl`) over as text, without what only people read. */
function shaders(): Plugin {
  return {
    name: 'tabserve:shaders',
    load(id) {
      if (!id.endsWith('.wgsl')) return;
      const code = readFileSync(id, 'utf8')
        .replaceAll(/\s*\/\/.*/g, '')
        .replaceAll(/\n\s*/g, '\n');
      return `export default ${JSON.stringify(code.trim())};`;
    },
  };
}

/** Leaves out of a classic script what few pages need; it is loaded from `dist/parts/`. */
function loadParts(): Plugin {
  const files = resolve(root, 'src/wire/package-files.global.ts');
  return {
    name: 'tabserve:load-parts',
    enforce: 'pre',
    transform: {
      filter: { id: /\/src\/.*\.ts$/, code: /import\('\.[^']*\.js'\)/ },
      handler(code, id) {
        const changed = code.replaceAll(
          // Types name modules in the same way.
          /(?<!typeof )import\('(\.[^']*)\.js'\)/g,
          (all, path) => {
            const part = partOf(resolve(dirname(id), path));
            return part === undefined ? all : `loadPart<any>('${part}')`;
          },
        );
        return changed === code
          ? null
          : `import { loadPart } from ${JSON.stringify(files)};\n${changed}`;
      },
    },
  };
}

/** Errors of one class, whichever part throws them. */
function errorsOfTheScript(): Plugin {
  const own = 'export class TabserveError ';
  return {
    name: 'tabserve:errors-of-the-script',
    enforce: 'pre',
    transform: {
      filter: { id: /\/base\/errors\.ts$/ },
      handler(code, id) {
        if (!code.includes(own)) throw new Error(`${id} does not say ${own}any more.`);
        return code.replace(
          own,
          'export const { TabserveError } = (globalThis as any).tabserve;\nclass Unused ',
        );
      },
    },
  };
}

/** Puts the engine's binaries and the embedded models beside the library. */
function copyAssets(): Plugin {
  return {
    name: 'tabserve:copy-assets',
    writeBundle() {
      mkdirSync(resolve(root, 'dist/ort'), { recursive: true });
      for (const [name, binary] of Object.entries(engineFiles)) {
        writeFileSync(resolve(root, 'dist/ort', `${name}.gz`), compressed(binary));
      }
      for (const { path, file } of modelFiles(/\.(onnx|json|txt)$/)) {
        cpSync(file, resolve(root, 'dist', path));
      }
    },
  };
}

/** A binary of the engine, compressed: a quarter of it, on every host, and none is too large for one. */
function compressed(binary: Uint8Array): Buffer {
  const kept = resolve(cache, `${fingerprint(binary).sha256}.gz`);
  if (!existsSync(kept)) {
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, gzipSync(binary, { level: 9 }));
  }
  return readFileSync(kept);
}

/** Turns the built page into one HTML file: script, style, engine and models inside. */
function oneFile(): Plugin {
  return {
    name: 'tabserve:one-file',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const page = Object.values(bundle).find(({ fileName }) => fileName.endsWith('.html'));
      if (page?.type !== 'asset') throw new Error('There is no page in the build.');
      let html = String(page.source);
      let script = '';
      let style = '';
      for (const output of Object.values(bundle)) {
        if (output === page) continue;
        delete bundle[output.fileName];
        if (output.type === 'chunk') {
          script += output.code;
        } else if (output.fileName.endsWith('.css')) {
          style += output.source;
        } else if (output.fileName.endsWith('.svg')) {
          const url = `data:image/svg+xml,${encodeURIComponent(String(output.source))}`;
          html = html.replaceAll(`./${output.fileName}`, url);
        } else {
          throw new Error(`There is no place in one file for ${output.fileName}.`);
        }
      }
      const carried = [
        {
          path: 'ort/ort-wasm-simd-threaded.wasm.gz',
          // In one piece: nothing can be fetched from a file.
          content: compressed(parts.whole),
        },
        // Weights hardly get smaller.
        ...modelFiles(/model\.json$/).flatMap(({ path, file }) => {
          if (leftOutOfOneFile.some((name) => path.includes(`/${name}/`))) return [];
          const manifest = JSON.parse(readFileSync(file, 'utf8'));
          // Labels that are not part of the worker's script are files of the model.
          const labels = Object.values<{ url: string }>(manifest.translations ?? {});
          if (labels.length > 0) labels.push(manifest.labels);
          return [bestForWasm(manifest), ...labels.map(({ url }) => url)].map((name) => ({
            path: path.replace('model.json', name),
            content: readFileSync(resolve(file, '..', name)),
          }));
        }),
      ].map(
        ({ path, content }) =>
          `<script type="text/plain" id="tabserve:${path}">${content.toString('base64')}</script>`,
      );
      page.fileName = 'tabserve-demo.html';
      page.source = html
        // What the policy allows by origin is inside here.
        .replaceAll(/script-src 'self' 'sha256-[^']+'/g, "script-src 'unsafe-inline'")
        .replaceAll("worker-src 'self' blob:", 'worker-src blob:')
        .replaceAll("style-src 'self'", "style-src 'unsafe-inline'")
        .replaceAll(/<(script|link)\b[^>]*(src|stylesheet)[^>]*>(<\/script>)?/g, '')
        .replace('</head>', () => `<style>${style}</style>\n</head>`)
        .replace(
          '</body>',
          () =>
            `${carried.join('\n')}\n<script>${script.replaceAll('</script', '<\\/script')}</script>\n</body>`,
        );
    },
  };
}

/** The one file of a model that WASM takes by itself, as `src/model/select.ts` has it. */
function bestForWasm({
  files,
}: {
  files: { url: string; dtype: string; weightsOnly?: boolean }[];
}): string {
  const packed = files.find(({ weightsOnly }) => weightsOnly);
  if (packed) return packed.url;
  for (const dtype of ['fp16', 'fp32', 'int8']) {
    const found = files.find((file) => file.dtype === dtype);
    if (found) return found.url;
  }
  throw new Error('There is a model without files.');
}

/** The files of the embedded models, with their paths in `dist/`. */
function modelFiles(wanted: RegExp): { path: string; file: string }[] {
  return readdirSync(resolve(root, 'models'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => resolve(entry.parentPath, entry.name))
    .map((file) => ({ path: file.slice(root.length + 1), file }))
    .filter(({ path }) => path.split('/').length === 3);
}

/** What a module is called as a part. */
function partOf(module: string): string | undefined {
  return partNames[relative(resolve(root, 'src'), module).replace(/\.ts$/, '')];
}

/** What a chunk with a part in it is called: as the part. */
function namedAs(chunk: string): string {
  return Object.entries(partNames).find(([module]) => module.endsWith(`/${chunk}`))?.[1] ?? chunk;
}

function versionOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(resolve(folder, 'package.json'), 'utf8'));
  return version;
}
