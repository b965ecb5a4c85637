/** Values inside of a graph, handed out as outputs. Numbers of fields are those of `onnx.proto`. */
import { edit, messageOf, readFields, written } from './wire.js';

const utf8 = new TextEncoder();

/**
 * The model with these values among its outputs, after its own. Their types are left to the engine,
 * which infers them. What is no model is returned as it is.
 */
export function withOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  try {
    // GraphProto: output = 12; ValueInfoProto: name = 1.
    const added = names.map((name) => ({
      number: 12,
      type: 2,
      bytes: messageOf([{ number: 1, type: 2, bytes: utf8.encode(name) }]),
    }));
    const changed = edit(model, { 7: (graph) => messageOf([...readFields(graph), ...added]) });
    return changed instanceof Uint8Array ? changed : written(changed);
  } catch (error) {
    // The engine has better words for what is no model.
    if (error instanceof RangeError) return model;
    throw error;
  }
}
