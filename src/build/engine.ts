/**
 * ONNX Runtime's JavaScript: for the GPU built from the sources in its package with its own switches, for
 * WASM what Emscripten made of it, called by `runtime/engine-wasm.ts`.
 *
 * Its ready bundles carry what tabserve's worker never uses: a further worker to run in, the fetching
 * of files, Node, pictures as tensors. What is assumed of the sources here the build checks, so that
 * it fails where a new version says something else.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plugin, UserConfig } from 'vite';

/** A build of the engine. */
export type EngineFlavour = 'wasm' | 'jspi' | 'asyncify';

/** What stands for each in the worker's scripts. */
const entries: Readonly<Record<EngineFlavour, string>> = {
  wasm: 'onnxruntime-web/wasm',
  jspi: 'onnxruntime-web/jspi',
  asyncify: 'onnxruntime-web/webgpu',
};

/** The engine's switches (see `lib/build-def.d.ts` in its package), and tabserve's own. */
export function engineSwitches(flavour: EngineFlavour): NonNullable<UserConfig['define']> {
  const switches = {
    DISABLE_WEBGL: true,
    DISABLE_JSEP: true,
    DISABLE_WEBGPU: flavour === 'wasm',
    DISABLE_WEBNN: true,
    DISABLE_WASM: false,
    DISABLE_WASM_PROXY: true,
    ENABLE_JSPI: flavour === 'jspi',
    ENABLE_BUNDLE_WASM_JS: true,
    IS_ESM: true,
  };
  return {
    ...Object.fromEntries(
      Object.entries(switches).map(([name, value]) => [`BUILD_DEFS.${name}`, `${value}`]),
    ),
    __ENGINE_HAS_GPU__: `${!switches.DISABLE_WEBGPU}`,
  };
}

/**
 * @param modules - The folder of the packages `onnxruntime-web` and `onnxruntime-common`.
 * @param runtime - The folder of `threads.ts`, `engine-module.ts`, `engine-parts.ts` and `engine-wasm.ts`.
 */
export function engineFromSource(
  modules: string,
  runtime: string,
  flavour: EngineFlavour,
): Plugin[] {
  const build = flavour === 'wasm' ? '' : `.${flavour}`;
  const glue = resolve(modules, `onnxruntime-web/dist/ort-wasm-simd-threaded${build}.mjs`);
  const library = resolve(modules, 'onnxruntime-web/lib');
  const stands = new Map(
    Object.entries(flavour === 'wasm' ? {} : standIns(glue)).map(([path, code]) => [
      resolve(modules, path),
      code,
    ]),
  );
  for (const path of stands.keys()) {
    if (!existsSync(path)) throw new Error(`ONNX Runtime has no ${path} any more.`);
  }
  return [
    {
      name: 'tabserve:engine-entry',
      enforce: 'pre',
      resolveId: {
        filter: { id: /^onnxruntime-/ },
        handler(id) {
          return id === entries[flavour] ? '\0engine' : null;
        },
      },
      load: {
        filter: { id: /^\0engine$/ },
        handler: () => (flavour === 'wasm' ? wasmEntry(glue, runtime) : gpuEntry(library)),
      },
    },
    {
      name: 'tabserve:engine-parts',
      enforce: 'pre',
      load: {
        filter: { id: /onnxruntime-(web|common)/ },
        handler(id) {
          const code = stands.get(id);
          if (code !== undefined) return { code, moduleType: 'js' };
          if (id === glue) {
            const code = adaptGlue(readFileSync(id, 'utf8'), id, runtime);
            return flavour === 'wasm' ? withoutUnused(code, runtime) : code;
          }
          return id.endsWith('backend-wasm.ts') ? withoutNode(readFileSync(id, 'utf8'), id) : null;
        },
      },
    },
  ];
}

/** The engine by its own API, with the backends that it has here. */
function gpuEntry(library: string): string {
  return `
    import { env, InferenceSession, registerBackend, Tensor } from 'onnxruntime-common';
    import { wasmBackend } from ${quoted(library, 'backend-wasm.ts')};
    registerBackend('wasm', wasmBackend, 10);
    registerBackend('webgpu', wasmBackend, 5);
    export { env, InferenceSession, Tensor };`;
}

/** tabserve's own calls of the C functions, for a single backend. */
function wasmEntry(glue: string, runtime: string): string {
  const calls = callsOf(runtime);
  const given = readFileSync(glue, 'utf8');
  for (const name of called(runtime)) {
    if (!given.includes(`h.${name}=`)) throw new Error(`${glue} has no ${name} any more.`);
  }
  return `
    import glue from ${JSON.stringify(glue)};
    import { wasmEngine } from ${JSON.stringify(calls)};
    export const { env, InferenceSession, Tensor } = wasmEngine(glue);`;
}

const callsOf = (runtime: string) => resolve(runtime, 'engine-wasm.ts');

/** What of the glue tabserve calls. */
function called(runtime: string): Set<string> {
  const names = readFileSync(callsOf(runtime), 'utf8').matchAll(/\bglue\.(\w+)/g);
  return new Set(Array.from(names, ([, name = '']) => name));
}

/** The glue without the C functions that nothing here calls. */
function withoutUnused(code: string, runtime: string): string {
  const wanted = called(runtime);
  return code.replaceAll(/\bh\.(_Ort\w+)=\w+\.\w+;/g, (all, name) => (wanted.has(name) ? all : ''));
}

/** Modules of which nothing, or next to nothing, is of use here. A missing name fails the build. */
function standIns(glue: string): Record<string, string> {
  return {
    // The glue is part of the script, so that there is nothing to find or fetch.
    'onnxruntime-web/lib/wasm/wasm-factory.ts': `
      import glue from ${JSON.stringify(glue)};
      let wasm;
      export const initializeWebAssembly = async ({ numThreads }) => {
        wasm = await glue({ numThreads });
      };
      export const getInstance = () => wasm;`,
    'onnxruntime-web/lib/wasm/wasm-utils-import.ts': `
      export const inferWasmPathPrefixFromScriptSrc = undefined;
      export const importProxyWorker = undefined;
      export const isEsmImportMetaUrlHardcodedAsFileUri = false;`,
    'onnxruntime-web/lib/wasm/wasm-utils-env.ts': 'export const isNode = false;',
    // tabserve fetches files itself, and passes bytes.
    'onnxruntime-web/lib/wasm/wasm-utils-load-file.ts':
      'export const loadFile = async (bytes) => bytes;',
    // Pictures come as tensors already.
    'onnxruntime-common/dist/esm/tensor-conversion-impl.js': `
      export const tensorToDataURL = undefined;
      export const tensorToImageData = undefined;`,
    'onnxruntime-common/dist/esm/tensor-factory-impl.js': `
      import { Tensor } from './tensor-impl.js';
      export const tensorFromGpuBuffer = (gpuBuffer, { dataType = 'float32', ...options }) =>
        new Tensor({ location: 'gpu-buffer', type: dataType, gpuBuffer, ...options });
      export const tensorFromImage = undefined;
      export const tensorFromTexture = undefined;
      export const tensorFromMLTensor = undefined;
      export const tensorFromPinnedBuffer = undefined;`,
  };
}

/**
 * What is said differently in the engine's glue. It fetches and compiles its binary: tabserve has done
 * so, in the threads of its pool as well. It names its own script by `import.meta.url`, which a classic script does not have, and starts
 * threads by plain addresses, which Trusted Types forbid. And it asks whether it is in Node.
 */
const glueWords: readonly [theirs: string | RegExp, ours: string][] = [
  [
    /\w+\?\?=\w+\.locateFile\?[^;]*;return (function\(\w+\)\{[^}]*\})\(await \w+\((\w+)\)\)/g,
    'return $1(await instantiateEngine($2))',
  ],
  [/new WebAssembly\.Instance\((\w+),(\w+\(\))\)/g, 'instantiateThread($1,$2)'],
  ['import.meta.url', 'self.location.href'],
  ['new Worker(', 'new ThreadWorker('],
  [/\bif\(isNode\)[^;]*;/g, ''],
  ['await import("module")', 'undefined'],
  ['globalThis.process', 'undefined'],
];

function adaptGlue(code: string, id: string, runtime: string): string {
  return `import { ThreadWorker } from ${quoted(runtime, 'threads.ts')};
    import { instantiateEngine } from ${quoted(runtime, 'engine-module.ts')};
    import { instantiateThread } from ${quoted(runtime, 'engine-parts.ts')};
    ${glueWords.reduce((text, [theirs, ours]) => replaced(text, theirs, ours, id), code)}`;
}

function withoutNode(code: string, id: string): string {
  return replaced(code, "require('node:os').cpus().length", '1', id);
}

function replaced(code: string, theirs: string | RegExp, ours: string, id: string): string {
  const text = code.replaceAll(theirs, ours);
  if (text === code) throw new Error(`${id} does not say ${theirs}: see what it says now.`);
  return text;
}

function quoted(folder: string, path: string): string {
  return JSON.stringify(resolve(folder, path));
}
