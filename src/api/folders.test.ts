import { expect, it } from 'vitest';
import { type FolderEntry, filesOf } from './folders.js';

const file = (name: string, type = 'image/png') => new File(['x'], name, { type });

/** As the pickers give them. */
const fileHandle = (of: File) => ({ kind: 'file', name: of.name, getFile: async () => of });
const folderHandle = (name: string, ...children: object[]) => ({
  kind: 'directory',
  name,
  async *values() {
    yield* children;
  },
});

/** As a drop gives them: a hundred at a time, and none at the end. */
const fileEntry = (of: File) => ({
  isFile: true,
  name: of.name,
  file: (resolve: (file: File) => void) => resolve(of),
});
const folderEntry = (name: string, ...children: object[]) => ({
  isFile: false,
  name,
  createReader() {
    let at = 0;
    return {
      readEntries: (resolve: (entries: object[]) => void) => {
        resolve(children.slice(at, at + 100));
        at += 100;
      },
    };
  },
});
const broken = (what: object) => ({
  ...what,
  file: (_: unknown, reject: (error: Error) => void) => reject(new Error('gone')),
  createReader: () => ({
    readEntries: (_: unknown, reject: (error: Error) => void) => reject(new Error('forbidden')),
  }),
});

async function namesOf(...entries: object[]): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of filesOf(entries as FolderEntry[])) names.push(name);
  return names;
}

it.each([
  ['handles', fileHandle, folderHandle],
  ['entries of a drop', fileEntry, folderEntry],
])(
  'of folders only pictures are taken, at any depth, in their order: %s',
  async (_name, one, folder) => {
    const inner = folder('inner', one(file('b.png')), one(file('c.txt', 'text/plain')));
    const hidden = folder('.hidden', one(file('no.png')));
    const whole = folder(
      'a',
      one(file('a.png')),
      hidden,
      one(file('.DS_Store')),
      inner,
      one(file('d.png')),
    );
    expect(await namesOf(whole)).toEqual(['a.png', 'b.png', 'd.png']);
  },
);

it('a file that was named itself is taken, whatever it is', async () => {
  const text = file('notes.txt', 'text/plain');
  expect(await namesOf(text, fileHandle(text), fileEntry(text), file('a.png'))).toEqual([
    'notes.txt',
    'notes.txt',
    'notes.txt',
    'a.png',
  ]);
});

it('a folder that comes in parts is read to its end', async () => {
  const many = Array.from({ length: 250 }, (_, at) => fileEntry(file(`${at}.png`)));
  expect(await namesOf(folderEntry('many', ...many))).toEqual(many.map(({ name }) => name));
});

it('what cannot be read is an error', async () => {
  await expect(namesOf(broken(fileEntry(file('a.png'))))).rejects.toThrow('gone');
  await expect(namesOf(broken(folderEntry('a')))).rejects.toThrow('forbidden');
});
