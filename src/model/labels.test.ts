import { expect, test } from 'vitest';
import { parseLabels } from './labels.js';

test('one label per line; the last line may be empty', () => {
  expect(parseLabels('\uFEFFcat\r\n dog \r\n')).toEqual(['cat', 'dog']);
  expect(parseLabels('cat\n\ndog')).toEqual(['cat', '', 'dog']);
});

test('WordNet numbers go, where every line has one', () => {
  expect(parseLabels('n01440764 tench, Tinca tinca\nn01443537 goldfish\n')).toEqual([
    'tench, Tinca tinca',
    'goldfish',
  ]);
  expect(parseLabels('n01440764 tench\nn1 goldfish')).toEqual(['n01440764 tench', 'n1 goldfish']);
});
