/** What a part of a graph needs, by the names that its nodes give their values. */
import { readAll, readFields } from '../../model/onnx/wire.js';

/** How deep graphs may lie in each other. */
const maxDepth = 16;

/** The nodes and initializers that make the values `wanted`; others can be left out. */
export function needed(
  nodes: readonly Uint8Array[],
  wanted: readonly string[],
): { nodes: ReadonlySet<Uint8Array>; names: ReadonlySet<string> } {
  const producers = new Map<string, Uint8Array>();
  for (const node of nodes) {
    for (const name of readAll(readFields(node), 2)) producers.set(textOf(name), node);
  }
  const kept = new Set<Uint8Array>();
  const names = new Set<string>();
  const open = [...wanted];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (names.has(name)) continue;
    names.add(name);
    const node = producers.get(name);
    if (!node || kept.has(node)) continue;
    kept.add(node);
    open.push(...takenBy(node, 0));
  }
  return { nodes: kept, names };
}

/**
 * All that a node may take: its inputs, and whatever the graphs inside of it name. NodeProto: input = 1,
 * attribute = 5; AttributeProto: g = 6, graphs = 11; GraphProto: node = 1, output = 12.
 */
function takenBy(node: Uint8Array, depth: number): string[] {
  const fields = readFields(node);
  const own = readAll(fields, 1).map(textOf);
  if (depth >= maxDepth) throw new RangeError('Graphs lie too deep in each other.');
  const inner = readAll(fields, 5).flatMap((attribute) => {
    const parts = readFields(attribute);
    return [...readAll(parts, 6), ...readAll(parts, 11)].flatMap((graph) => {
      const inside = readFields(graph);
      return [
        ...readAll(inside, 1).flatMap((each) => takenBy(each, depth + 1)),
        ...readAll(inside, 12).map((each) => textOf(readAll(readFields(each), 1)[0])),
      ];
    });
  });
  return [...own, ...inner];
}

/** A name as it is written. */
export function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
