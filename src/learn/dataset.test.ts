import { describe, expect, it } from 'vitest';
import { checkLabel, Dataset } from './dataset.js';
import { folderOf } from './folders.js';

/** Adds as many examples as there are labels. */
function add(data: Dataset, ...labels: string[]): void {
  const ids = data.reserve(labels.length);
  data.add(labels.map((label, at) => ({ id: ids[at] as number, label, name: '', image: null })));
}

const shown = (data: Dataset) => data.examples.map(({ id, label }) => `${id}${label}`).join(' ');

describe('a data set', () => {
  it('takes every kind of change back', () => {
    const gone: number[] = [];
    const data = new Dataset((ids) => gone.push(...ids));
    add(data, 'a', 'a', 'b');
    data.rename('a', 'c');
    data.remove([1]);
    add(data, 'd');
    expect(shown(data)).toBe('2c 3b 4d');
    expect(data.undo()).toBe(true);
    expect(gone).toEqual([4]);
    expect(data.undo()).toBe(true);
    expect(shown(data)).toBe('1c 2c 3b');
    data.undo();
    expect(shown(data)).toBe('1a 2a 3b');
    data.undo();
    expect(data.examples).toEqual([]);
    expect(gone).toEqual([4, 1, 2, 3]);
    expect(data.undo()).toBe(false);
  });

  it('joins classes, and counts them in the order in which they came', () => {
    const data = new Dataset();
    add(data, 'b', 'a', 'b', 'c');
    expect(data.labels).toEqual([
      { label: 'b', examples: 2 },
      { label: 'a', examples: 1 },
      { label: 'c', examples: 1 },
    ]);
    data.rename('b', 'c');
    expect(data.labels).toEqual([
      { label: 'c', examples: 3 },
      { label: 'a', examples: 1 },
    ]);
    expect(() => data.rename('z', 'c')).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });

  it('does not count as changes what changes nothing', () => {
    const data = new Dataset();
    add(data, 'a');
    data.rename('a', ' a ');
    data.remove([77]);
    data.add([]);
    expect(data.undoable).toBe(1);
  });

  it('lets go of what can no longer come back', () => {
    const gone: number[] = [];
    const data = new Dataset((ids) => gone.push(...ids));
    add(data, 'a', 'b');
    data.remove([1]);
    while (data.undoable < 50) add(data, 'x');
    expect(gone).toEqual([]);
    for (let i = 0; i < 3; i++) add(data, 'y');
    expect(gone).toEqual([1]);
    expect(data.undoable).toBe(50);
  });

  it('numbers what is added after a restore on', () => {
    const data = new Dataset();
    data.restore([{ id: 7, label: 'a', name: '', image: null }]);
    add(data, 'b');
    expect(shown(data)).toBe('7a 8b');
  });
});

describe('a label', () => {
  it.each([
    [' cup ', 'cup'],
    ['<b>cup</b>', '<b>cup</b>'],
    ['Cafe\u0301', 'Café'],
    ['杯', '杯'],
  ])('%j is %j', (given, expected) => expect(checkLabel(given)).toBe(expected));

  it.each([[''], ['  '], ['a\nb'], ['a\u0000b'], ['a\u2028b'], ['x'.repeat(201)], [7], [null]])(
    '%j is none',
    (given) => {
      expect(() => checkLabel(given)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    },
  );

  it('of a file is the folder that it lies in', () => {
    expect(folderOf('set/cup/1.png')).toBe('cup');
    expect(folderOf('cup/1.png')).toBe('cup');
    expect(folderOf('/1.png')).toBeNull();
    expect(folderOf('1.png')).toBeNull();
    expect(folderOf('../1.png')).toBeNull();
    expect(folderOf('./cup/../1.png')).toBe('cup');
  });
});
