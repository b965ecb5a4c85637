/** Files that Vite hands over as text. */
declare module '*?raw' {
  const text: string;
  export default text;
}

/** Shaders, which the build strips of comments. */
declare module '*.wgsl' {
  const code: string;
  export default code;
}

/** WebAssembly text, which the build assembles. */
declare module '*.wat' {
  const binary: Uint8Array<ArrayBuffer>;
  export default binary;
}

/** WebAssembly, which the build hands over as bytes. */
declare module '*.wasm?bytes' {
  const binary: Uint8Array<ArrayBuffer>;
  export default binary;
}
