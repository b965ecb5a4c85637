/** Which operators a model is made of. Numbers of fields are those of `onnx.proto`. */
import { type Field, readAll, readFields } from './wire.js';

/** How deep graphs may lie in each other. */
const maxDepth = 16;

/**
 * The operators of a file, those in inner graphs and functions too; with their domain before them
 * unless it is ONNX's own: `Conv`, `com.microsoft.Gelu`.
 *
 * @returns An empty set where the bytes are no model, which the engine can say better.
 */
export function operatorsOf(model: Uint8Array): Set<string> {
  const found = new Set<string>();
  try {
    const fields = readFields(model);
    for (const graph of readAll(fields, 7)) collect(readFields(graph), 1, found, 0);
    // FunctionProto: node = 7.
    for (const body of readAll(fields, 25)) collect(readFields(body), 7, found, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return found;
}

/** NodeProto: op_type = 4, attribute = 5, domain = 7. AttributeProto: g = 6, graphs = 11. */
function collect(fields: readonly Field[], nodes: number, found: Set<string>, depth: number): void {
  if (depth > maxDepth) return;
  for (const bytes of readAll(fields, nodes)) {
    const node = readFields(bytes);
    const [op, domain] = [4, 7].map((number) => textOf(readAll(node, number)[0]));
    found.add(domain === '' || domain === 'ai.onnx' ? `${op}` : `${domain}.${op}`);
    for (const attribute of readAll(node, 5)) {
      const parts = readFields(attribute);
      for (const graph of [...readAll(parts, 6), ...readAll(parts, 11)]) {
        collect(readFields(graph), 1, found, depth + 1);
      }
    }
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
