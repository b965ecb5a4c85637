/** The engine's messages about a model that it refuses, in words that name the cure. Page code. */
import { isTabserveError, TabserveError } from '../base/errors.js';
import { refusePointer } from './label-file.js';

/**
 * A better error for a model that the engine could not open, where there is one.
 *
 * @param start - The file's first bytes.
 */
export function explainEngineError(error: Error, start: Uint8Array): Error {
  if (!isTabserveError(error, 'model-invalid')) return error;
  const where = String(error.details.model ?? 'The model');
  try {
    refusePointer(new TextDecoder().decode(start), where);
  } catch (better) {
    if (better instanceof TabserveError) return better;
  }
  const cure = formatOf(start) ?? cureOf(error.message);
  if (cure === undefined) return error;
  return new TabserveError('model-invalid', `${where} cannot be used as a model: ${cure}`, {
    cause: error,
    details: error.details,
  });
}

/** Files of other formats, by their first bytes. */
function formatOf(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, 16));
  if (start.length === 0) return 'it is empty.';
  if (text.startsWith('\x1f\x8b'))
    return 'it is compressed with gzip. Unpack it, or serve it with "Content-Encoding: gzip".';
  if (start[0] === 0x80 && (start[1] ?? 9) <= 5)
    return "it is a Python pickle, as PyTorch's older files are. Export the model to ONNX: torch.onnx.export(…).";
  if (start[7] === 0 && text.startsWith('{"', 8))
    return 'it is in the safetensors format, which holds weights and no graph. Export the model to ONNX.';
  if (text.startsWith('PK')) {
    return 'it is a ZIP archive, as PyTorch (.pt, .pth) and Keras (.keras) save models. Export the model to ONNX: torch.onnx.export(…), or tf2onnx.';
  }
  if (text.startsWith('\x89HDF'))
    return 'it is HDF5, as Keras (.h5) saves models. Convert it with tf2onnx.';
  if (text.slice(4, 8) === 'TFL3')
    return 'it is a TensorFlow Lite model. Convert it with "python -m tf2onnx.convert --tflite".';
  if (text.slice(4, 8) === 'ORTM')
    return 'it is in the ORT format, which is bound to a version. Take the .onnx file that it was made from.';
  return undefined;
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
  const [, code] = /unsupported data type: (\d+)/.exec(message) ?? [];
  if (code) {
    const type = code === '16' ? 'bfloat16' : `of the code ${code} in onnx.proto`;
    return `it takes or gives tensors of the type ${type}, which this engine does not have here. Export it with float32.`;
  }
  const [, file] = /Failed to load external data file "+([^"]*)"/.exec(message) ?? [];
  if (file) return `its weights are in "${file}", which was not given. Add that file.`;
  return undefined;
}
