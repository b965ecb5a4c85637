/** The release that this code is part of; the build puts it in. */
declare const __TABSERVE_VERSION__: string;
/** The release of onnxruntime-web inside the worker scripts; the build puts it in. */
declare const __ORT_VERSION__: string;

/** tabserve's own version, as in its package.json. */
export const version: string = __TABSERVE_VERSION__;

/** Binaries of any other version of ONNX Runtime do not fit the worker's script. */
export const ortVersion: string = __ORT_VERSION__;
