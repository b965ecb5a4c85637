/** The engine's messages about a model, in words that name the cure. */
import { messageOf, TabserveError } from '../base/errors.js';
import { isOutOfMemory } from './backend.js';

/** What a model that the engine refuses is refused for. */
export function createError(cause: unknown, bytes: Uint8Array, where: string): TabserveError {
  const message = messageOf(cause);
  if (isTrap(cause)) return trapped(cause, where);
  if (isOutOfMemory(message)) {
    return new TabserveError(
      'out-of-memory',
      `There is not enough memory for ${where} (${bytes.length} bytes): ${message}`,
      { cause },
    );
  }
  const firstBytes = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0'));
  const found = `${bytes.length} bytes, beginning with ${firstBytes.join(' ')}`;
  return new TabserveError(
    'model-invalid',
    `${where} cannot be used as a model: ${cureOf(message) ?? `${message} (${found}). If the file is damaged, fetch it again; a sha256 in the manifest would tell.`}`,
    { cause, details: { model: where, bytes: bytes.length, firstBytes: firstBytes.join(' ') } },
  );
}

/** Whether a message is about something else than damage. */
function cureOf(message: string): string | undefined {
  const [, opset, known] =
    /Opset (\d+) is under development.*?till opset (\d+)/s.exec(message) ?? [];
  if (opset) {
    return `it is written in opset ${opset}; this engine knows opsets up to ${known}. Export it with an older one ("opset_version=17"), or convert it with onnx.version_converter.`;
  }
  const [, version, newest] =
    /IR version:? ?(\d+).*?max supported IR version:? ?(\d+)/is.exec(message) ?? [];
  if (version) {
    return `its IR version is ${version}; this engine knows versions up to ${newest}. Export it with an older onnx package, or set "model.ir_version = ${newest}" and save it.`;
  }
  const [, name] =
    /([\w.]+:\w+)\(-?\d+\) is not a registered function/.exec(message) ??
    /No Op registered for (\w+)/.exec(message) ??
    /(?:Could not find an implementation for|NOT_IMPLEMENTED.*?) ?(\w+\(\d+\))/s.exec(message) ??
    [];
  if (name) {
    return `it uses the operator ${name}, which this engine does not have. Export the model without it, or replace it by operators of ONNX's own.`;
  }
  const [, file] = /Failed to load external data file "+([^"]*)"/.exec(message) ?? [];
  if (file) return `its weights lie in "${file}", which was not given. Add that file.`;
  return undefined;
}

/** Whether WebAssembly stopped in the middle of its work, which leaves the engine unusable. */
export function isTrap(cause: unknown): boolean {
  return cause instanceof WebAssembly.RuntimeError;
}

/** The error for that. */
export function trapped(cause: unknown, model: string): TabserveError {
  return new TabserveError(
    'worker-crashed',
    `The engine broke down over "${model}": ${messageOf(cause)}`,
    { cause },
  );
}
