/**
 * ONNX Runtime's JavaScript, built from the sources in its package with its own switches.
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
 * @param runtime - The folder of `threads.ts`, `engine-module.ts` and `engine-parts.ts`.
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
    Object.entries(standIns(glue, flavour)).map(([path, code]) => [resolve(modules, path), code]),
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
          if (id === entries[flavour]) return '\0engine';
          const isApi = flavour === 'wasm' && id === 'onnxruntime-common';
          return isApi ? resolve(import.meta.dirname, 'engine-api.js') : null;
        },
      },
      load: {
        filter: { id: /^\0engine$/ },
        handler: () => (flavour === 'wasm' ? wasmEntry(library) : gpuEntry(library)),
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
            const words = flavour === 'wasm' ? [...glueWords, ...unaskedWords] : glueWords;
            return adaptGlue(saidDifferently(readFileSync(id, 'utf8'), words, id), runtime);
          }
          if (id.endsWith('backend-wasm.ts')) return withoutNode(readFileSync(id, 'utf8'), id);
          const words = flavour === 'wasm' && cpuWords[id.slice(library.length + 1)];
          return words ? saidDifferently(readFileSync(id, 'utf8'), words, id) : null;
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

/** The same for a single backend, without the choosing between several. */
function wasmEntry(library: string): string {
  return `
    import { env, Tensor } from 'onnxruntime-common';
    import * as engine from ${quoted(library, 'wasm/proxy-wrapper.ts')};
    import { OnnxruntimeWebAssemblySessionHandler as Session }
      from ${quoted(library, 'wasm/session-handler-inference.ts')};
    class InferenceSession extends Session {
      static async create(model, options) {
        await engine.initializeWebAssemblyAndOrtRuntime();
        await engine.initializeOrtEp('wasm');
        const session = new InferenceSession();
        await session.loadModel(model, options);
        return session;
      }
      run(feeds, outputs) {
        return super.run(feeds, Object.fromEntries(outputs.map((name) => [name, null])), {});
      }
      release() {
        return this.dispose();
      }
    }
    export { env, InferenceSession, Tensor };`;
}

/** Modules of which nothing, or next to nothing, is of use here. A missing name fails the build. */
function standIns(glue: string, flavour: EngineFlavour): Record<string, string> {
  return {
    ...(flavour === 'wasm' && {
      // No run has any; the engine then takes its defaults.
      'onnxruntime-web/lib/wasm/run-options.ts': 'export const setRunOptions = () => [0, []];',
      // The names of types, as a table.
      'onnxruntime-web/lib/wasm/wasm-common.ts': `
        const types = ['', 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string',
          'bool', 'float16', 'float64', 'uint32', 'uint64'];
        [types[21], types[22]] = ['uint4', 'int4'];
        const arrays = [, Float32Array, Uint8Array, Int8Array, Uint16Array, Int16Array, Int32Array,
          BigInt64Array, , Uint8Array, globalThis.Float16Array ?? Uint16Array, Float64Array,
          Uint32Array, BigUint64Array];
        const known = (value, what) => {
          if (value) return value;
          throw new Error('unsupported ' + what);
        };
        export const tensorDataTypeEnumToString = (type) =>
          known(types[type], 'data type: ' + type);
        export const tensorDataTypeStringToEnum = (type) =>
          known(Math.max(types.indexOf(type), 0), 'data type: ' + type);
        export const tensorTypeToTypedArrayConstructor = (type) =>
          known(arrays[types.indexOf(type)], 'type: ' + type);
        export const dataLocationStringToEnum = () => 1;
        export const logLevelStringToEnum = (level) =>
          ['verbose', 'info', 'warning', 'error', 'fatal'].indexOf(level);
        export const calculateTensorSizeInBytes = undefined;
        export const isGpuBufferSupportedType = undefined;
        export const isMLTensorSupportedType = undefined;`,
      // The engine's defaults, and what its own file says of every session: a model's bytes are
      // used where they lie. No session here has other options.
      'onnxruntime-web/lib/wasm/session-options.ts': `
        import { getInstance } from './wasm-factory';
        import { allocWasmString, checkLastError } from './wasm-utils';
        export const setSessionOptions = async () => {
          const wasm = getInstance();
          const allocs = [];
          const [key, value] = ['session.use_ort_model_bytes_directly', '1'];
          const options = wasm._OrtCreateSessionOptions(99, false, false, 0, false, 0, 0, 2, 0, 0);
          if (!options) checkLastError("Can't create session options.");
          const words = [key, value].map((word) => allocWasmString(word, allocs));
          if (wasm._OrtAddSessionConfigEntry(options, ...words)) checkLastError("Can't set " + key);
          return [options, allocs];
        };`,
    }),
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

/**
 * What nobody asks the glue of the build for WASM: the time of day for lines of a log that is not
 * kept, and the names of functions for traces of the C++ stack.
 */
const unaskedWords: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/function (\w+)\(\w+,\w+\)\{[^{}]*\.getUTCSeconds[^{}]*\}/g, 'function $1(){}'],
  [/function (\w+)\(\w+,\w+\)\{[^{}]*\.getSeconds[^{}]*\}/g, 'function $1(){}'],
  [/function (\w+)\(\w+\)\{[^{}]*new Date\([^{}]*BigInt[^{}]*\}/g, 'function $1(){return -1n}'],
  [
    /function (\w+)\((?:\w+,){3}\w+\)\{[^{}]*\.getTimezoneOffset[\s\S]*?,17\)\)\}/g,
    'function $1(){}',
  ],
  [/function (\w+)\([\w,]*\)\{[^{}]*Error\(\)\.stack[^{}]*\}/g, 'function $1(){return 0}'],
  [/function (\w+)\(\w+\)\{[^{}]*\/\^\\s\+at [^{}]*\}/g, 'function $1(){return 0}'],
];

/**
 * What is said differently in the engine's JavaScript where there is but one backend, whose tensors are
 * all in memory: what the bundler then finds to be never reached it leaves out.
 */
const cpuWords: Readonly<
  Record<string, readonly (readonly [theirs: string | RegExp, ours: string])[]>
> = {
  'wasm/wasm-core-impl.ts': [
    [/\bepName === 'web(gpu|nn)'/g, 'false'],
    [/\b(l|location|preferredLocation) === '(gpu-buffer|ml-tensor(-cpu-output)?)'/g, 'false'],
    ['isGraphInput && isGraphOutput', 'false'],
    [/options\?\.executionProviders \?\? \[\]/g, '[]'],
    ["providerName === 'webnn'", 'false'],
    ['if (wasm.currentContext)', 'if (false)'],
    [/\bwasm\.(jsep|webnn|webgpu)On\w+\?\.\([^)]*\);/g, ''],
    ['const ioBindingState = session[3];', 'const ioBindingState = null;'],
    [/\bif \(ioBindingState\)/g, 'if (false)'],
    [/\b(let ioBindingHandle|const enableGraphCapture) = [^;]*;/g, '$1 = 0;'],
    [/\bif \(ioBindingHandle /g, 'if (false && ioBindingHandle '],
    [/\bif \(enableGraphCapture && /g, 'if (false && '],
  ],
  'wasm/session-handler-inference.ts': [
    [/case '(gpu-buffer|ml-tensor)':( \{[\s\S]*?\n {4}\}|\n.*;)/g, ''],
    ["typeof pathOrBuffer === 'string'", 'false'],
    ['return copyFromExternalBuffer(await loadFile(path));', 'throw path;'],
    ['void endProfiling(this.sessionId);', ''],
  ],
};

function adaptGlue(code: string, runtime: string): string {
  return `import { ThreadWorker } from ${quoted(runtime, 'threads.ts')};
    import { instantiateEngine } from ${quoted(runtime, 'engine-module.ts')};
    import { instantiateThread } from ${quoted(runtime, 'engine-parts.ts')};
    ${code}`;
}

function saidDifferently(
  code: string,
  words: readonly (readonly [theirs: string | RegExp, ours: string])[],
  id: string,
): string {
  return words.reduce((text, [theirs, ours]) => replaced(text, theirs, ours, id), code);
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
