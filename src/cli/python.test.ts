import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseManifest } from '../model/manifest.js';
import { pythonFor } from './python.js';

const path = fileURLToPath(new URL('../../models/photos/model.json', import.meta.url));
const photos = parseManifest(JSON.parse(readFileSync(path, 'utf8')), path);

test('a program says what the manifest says', () => {
  const program = pythonFor(photos, ['one', 'a "quoted" two']);
  const crop = photos.preprocess.crop;
  expect(crop).toBeDefined();
  expect(program).toContain('ImageOps.exif_transpose');
  expect(program).toContain(`left + ${crop?.width}, top + ${crop?.height}`);
  expect(program).toContain('labels = ["one","a \\"quoted\\" two"]');
  expect(program).toContain(`session.run([${JSON.stringify(photos.output.name)}]`);
});

test('colours, layout and activation', () => {
  const { input, output } = photos;
  const program = (changed: Partial<typeof photos>) => pythonFor({ ...photos, ...changed }, []);
  expect(program({ input: { ...input, layout: 'NHWC' } })).not.toContain('transpose(2, 0, 1)');
  expect(program({ input: { ...input, layout: 'NCHW' } })).toContain('transpose(2, 0, 1)');
  expect(program({ input: { ...input, colorOrder: 'BGR' } })).toContain('[:, :, ::-1]');
  expect(program({ input: { ...input, colorOrder: 'GRAY' } })).toContain('convert("L")');
  expect(program({ output: { ...output, activation: 'sigmoid' } })).toContain('1 / (1 + np.exp');
  expect(program({ output: { ...output, activation: 'none' } })).toContain('scores = out\n');
});

test('what Pillow has no few lines for is refused', () => {
  const resize = { policy: 'exact', width: 8, height: 8, antialias: false } as const;
  expect(() => pythonFor({ ...photos, preprocess: { ...photos.preprocess, resize } }, [])).toThrow(
    /in a few lines/,
  );
});
