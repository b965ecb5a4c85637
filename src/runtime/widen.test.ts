import { describe, expect, it } from 'vitest';
import { type Field, readAll, readFields, readIntegers } from '../model/onnx/wire.js';
import { bytes, integer, message, text, writeFields } from '../testing/onnx-fields.js';
import { widenHalves } from './widen.js';

const value = (number: number, name: string, type: number) =>
  message(number, text(1, name), message(2, message(1, integer(1, type))));

/** 1, −2 and the smallest subnormal number. */
const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001);
const raw = bytes(9, new Uint8Array(halves.buffer));

function model({
  input = 1,
  weight = [integer(2, 10), raw],
}: {
  input?: number;
  weight?: Field[];
}) {
  return writeFields([
    integer(1, 8),
    message(
      7,
      message(1, text(1, 'x'), text(4, 'Cast'), message(5, text(1, 'to'), integer(3, 10))),
      message(1, text(4, 'Flatten'), message(5, text(1, 'axis'), integer(3, 10))),
      message(5, integer(1, 3), text(8, 'w'), ...weight),
      value(11, 'x', input),
      value(12, 'y', 1),
      value(13, 'between', 10),
    ),
  ]);
}

const graphOf = (file: Uint8Array) =>
  readFields(readAll(readFields(file), 7)[0] ?? new Uint8Array());

function floatsOf(file: Uint8Array): number[] {
  const tensor = readFields(readAll(graphOf(file), 5)[0] ?? new Uint8Array());
  expect(readIntegers(tensor, 2)).toEqual([1]);
  expect(readIntegers(tensor, 1)).toEqual([3]);
  return Array.from(new Float32Array(Uint8Array.from(readAll(tensor, 9)[0] ?? []).buffer));
}

describe('widens', () => {
  it('weights in bytes', () => {
    expect(floatsOf(widenHalves(model({})))).toEqual([1, -2, 2 ** -24]);
  });

  it('weights as a list of integers', () => {
    const weight = [integer(2, 10), ...Array.from(halves, (bits) => integer(5, bits))];
    expect(floatsOf(widenHalves(model({ weight })))).toEqual([1, -2, 2 ** -24]);
  });

  it('what names the type, and nothing else', () => {
    const graph = graphOf(widenHalves(model({})));
    const attributes = readAll(graph, 1).map((node) => {
      const attribute = readFields(readAll(readFields(node), 5)[0] ?? new Uint8Array());
      return readIntegers(attribute, 3)[0];
    });
    expect(attributes).toEqual([1, 10]);
    expect(readAll(graph, 13)).toEqual([value(13, 'between', 1).bytes]);
  });
});

describe('leaves alone', () => {
  const cases: Record<string, Uint8Array> = {
    'inputs of half precision': model({ input: 10 }),
    'weights in another file': model({ weight: [integer(2, 10), integer(14, 1)] }),
    'functions of the model': Uint8Array.of(...model({}), ...writeFields([message(25)])),
    'an odd number of bytes': model({ weight: [integer(2, 10), bytes(9, new Uint8Array(3))] }),
    'bytes that are no model': Uint8Array.of(255, 255, 255, 1, 7),
    'a cut-off model': model({}).subarray(0, 60),
    nothing: new Uint8Array(),
  };
  for (const [name, file] of Object.entries(cases)) {
    it(name, () => expect(widenHalves(file)).toBe(file));
  }

  it('single precision, without copying it', () => {
    const file = writeFields([message(7, message(5, integer(2, 1), raw), value(11, 'x', 1))]);
    expect(widenHalves(file)).toBe(file);
  });
});
