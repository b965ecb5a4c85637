import { describe, expect, it } from 'vitest';
import { operatorsOf } from './operators.js';
import { type Field, messageOf, written } from './wire.js';

const bytes = (number: number, content: Uint8Array): Field => ({ number, type: 2, bytes: content });
const message = (number: number, ...fields: Field[]) => bytes(number, written(messageOf(fields)));
const text = (number: number, value: string) => bytes(number, new TextEncoder().encode(value));
const node = (op: string, ...more: Field[]) => message(1, text(4, op), ...more);
const model = (...fields: Field[]) => written(messageOf(fields));

describe('the operators of a file', () => {
  it('are named once each, with their domain', () => {
    const graph = message(
      7,
      node('Conv'),
      node('Relu', text(7, 'ai.onnx')),
      node('Gelu', text(7, 'com.microsoft')),
      node('Conv'),
    );
    expect([...operatorsOf(model(graph))]).toEqual(['Conv', 'Relu', 'com.microsoft.Gelu']);
  });

  it('are found in inner graphs and functions', () => {
    const inner = message(6, node('Loop', message(5, message(11, node('Sin')))));
    const body = message(25, message(7, text(4, 'Cos')));
    const file = model(message(7, node('If', message(5, text(1, 'then_branch'), inner))), body);
    expect([...operatorsOf(file)]).toEqual(['If', 'Loop', 'Sin', 'Cos']);
  });

  it('are none in what is no model', () => {
    expect(operatorsOf(new Uint8Array()).size).toBe(0);
    expect(operatorsOf(Uint8Array.of(255, 255, 255, 1, 7)).size).toBe(0);
    // Graphs in graphs, without end.
    let graph = node('Deep');
    for (let depth = 0; depth < 100; depth++)
      graph = node('If', message(5, { ...graph, number: 6 }));
    expect(operatorsOf(model({ ...graph, number: 7 })).has('Deep')).toBe(false);
  });
});
