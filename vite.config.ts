/**
 * One configuration, several builds (`--mode`), in the order that `npm run build` runs them:
 *
 * - `wasm`, `jspi`, `asyncify`: a worker's script with that build of ONNX Runtime inside;
 * - `library`: `dist/index.js`, which carries the worker scripts as text in lazy chunks, and beside
 *   it the files that are fetched by address: engine binaries and embedded models;
 * - `demo`: the demo page in `site/`, a plain Vite app that uses the built package.
 */
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig, type Plugin, type UserConfig } from 'vite';
import openWabt from 'wabt';

const root = import.meta.dirname;

/** Isolation gives threads; CORP lets other origins embed the files all the same. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

export default defineConfig(({ mode }): UserConfig => {
  switch (mode) {
    case 'wasm':
    case 'jspi':
    case 'asyncify':
      return workerBuild(mode);
    case 'library':
      return libraryBuild();
    case 'demo':
      return demoBuild();
    default:
      return {
        root,
        plugins: [assemble()],
        test: { include: ['src/**/*.test.ts'] },
      } as UserConfig;
  }
});

function workerBuild(flavour: string): UserConfig {
  return {
    root,
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      copyPublicDir: false,
      lib: { entry: `src/runtime/worker-${flavour}.ts`, formats: ['es'] },
      rolldownOptions: {
        output: { entryFileNames: `worker-${flavour}.js`, codeSplitting: false, minify: true },
      },
      minify: true,
    },
    plugins: [leaveAssetsAlone(), assemble()],
  };
}

function libraryBuild(): UserConfig {
  return {
    root,
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      lib: { entry: 'src/index.ts', formats: ['es'] },
      rolldownOptions: {
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: 'inline/[name].js',
          // Vite leaves the white space of ES libraries; a page without a bundler pays for it.
          minify: true,
        },
      },
      minify: true,
    },
    plugins: [copyAssets()],
  };
}

function demoBuild(): UserConfig {
  return {
    root: resolve(root, 'src/demo'),
    base: './',
    publicDir: resolve(root, 'public'),
    build: { target: 'es2022', outDir: resolve(root, 'site'), emptyOutDir: true },
    resolve: { alias: { tabserve: resolve(root, 'dist/index.js') } },
    server: { headers },
    preview: { headers },
  };
}

/**
 * ONNX Runtime names its binary by `new URL('….wasm', import.meta.url)`, which Vite would inline as
 * a data URL. tabserve always says where the binary is, so the text may stay as it is.
 */
function leaveAssetsAlone(): Plugin {
  return {
    name: 'tabserve:leave-assets-alone',
    enforce: 'pre',
    transform: {
      filter: { id: /onnxruntime-web/ },
      handler: (code) =>
        code.replaceAll('new URL("ort-wasm', 'new URL(/* @vite-ignore */ "ort-wasm'),
    },
  };
}

/** Assembles WebAssembly text (`.wat`) into the bytes that `WebAssembly.Module` takes. */
function assemble(): Plugin {
  return {
    name: 'tabserve:assemble',
    async load(id) {
      if (!id.endsWith('.wat')) return;
      const wabt = await openWabt();
      const module = wabt.parseWat(id, readFileSync(id, 'utf8'));
      const { buffer } = module.toBinary({});
      module.destroy();
      const text = JSON.stringify(Buffer.from(buffer).toString('base64'));
      return `export default Uint8Array.from(atob(${text}), (char) => char.charCodeAt(0));`;
    },
  };
}

/** Puts the engine's binaries and the embedded models beside the library. */
function copyAssets(): Plugin {
  return {
    name: 'tabserve:copy-assets',
    writeBundle() {
      const ort = 'node_modules/onnxruntime-web/dist';
      for (const build of ['', '.jspi', '.asyncify']) {
        const file = `ort-wasm-simd-threaded${build}.wasm`;
        cpSync(resolve(root, ort, file), resolve(root, 'dist/ort', file));
      }
      for (const model of readdirSync(resolve(root, 'models'), { withFileTypes: true })) {
        if (!model.isDirectory()) continue;
        for (const file of readdirSync(resolve(root, 'models', model.name))) {
          if (!/\.(onnx|json|txt)$/.test(file)) continue;
          cpSync(
            resolve(root, 'models', model.name, file),
            resolve(root, 'dist/models', model.name, file),
          );
        }
      }
    },
  };
}
