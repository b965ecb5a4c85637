import { describe, expect, test } from 'vitest';
import { bareModel, completeBare } from './bare.js';
import type { ModelManifest } from './manifest.js';
import type { LabelFile, TensorInfo } from './translation.js';

const inputs: TensorInfo[] = [{ name: 'x', type: 'float32', shape: [1, 3, 8, 8] }];

function labelsOf(classes: number | string, beside: readonly LabelFile[], given?: string[]) {
  const { manifest } = bareModel('m.onnx');
  const outputs: TensorInfo[] = [{ name: 'y', type: 'float32', shape: [1, classes] }];
  const request = { open: 'everything', inputs, outputs, graph: null, where: 'm.onnx' } as const;
  const described = { ...manifest, ...(given && { labels: given }) } as ModelManifest;
  const { manifest: complete, fallbacks } = completeBare(
    { ...request, manifest: described, beside },
    null,
  );
  return { labels: complete.labels, reason: fallbacks[0]?.reason };
}

describe('label files beside a graph alone', () => {
  const two = { name: 'labels.txt', labels: ['a', 'b'] };
  const three = { name: 'classes.txt', labels: ['c', 'd', 'e'] };

  test('the one that has as many labels as there are classes is taken', () => {
    const { labels, reason } = labelsOf(3, [two, three]);
    expect(labels).toEqual(['c', 'd', 'e']);
    expect(reason).toMatch(/Found in the file: .*3 labels in classes\.txt, which is next to it/);
  });

  test('where none fits, classes have numbers, and why', () => {
    const { labels, reason } = labelsOf(4, [two, three]);
    expect(labels).toEqual(['0', '1', '2', '3']);
    expect(reason).toContain(
      'because labels.txt names 2 labels for 4 classes and classes.txt names 3 labels for 4 classes',
    );
  });

  test('one that was given counts more', () => {
    expect(labelsOf(2, [two], ['x', 'y']).labels).toEqual(['x', 'y']);
  });

  test('it tells how many classes there are where the graph does not', () => {
    expect(labelsOf('C', [three]).labels).toEqual(['c', 'd', 'e']);
  });
});
