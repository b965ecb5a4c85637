import { expect, test } from 'vitest';
import { parseLabelFile } from './label-file.js';
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

test('three columns are label, short form and group', () => {
  expect(parseLabelFile('tabby cat\ttabby\tcat\r\npear\t\tfood\n', 'labels.txt')).toEqual({
    labels: ['tabby cat', 'pear'],
    labelDetails: [{ short: 'tabby', group: 'cat' }, { group: 'food' }],
  });
  expect(parseLabelFile('a\tb\tc\nd\te', 'labels.txt')).toEqual({ labels: ['a\tb\tc', 'd\te'] });
  expect(parseLabelFile('n01440764\ttench\nn01443537\tgoldfish', 'labels.txt').labels[1]).toBe(
    'goldfish',
  );
});

test('JSON may say more of each class than its label', () => {
  const described = [{ label: 'tabby cat', short: 'tabby', group: 'cat' }, { label: 'pear' }];
  expect(parseLabelFile(JSON.stringify(described), 'labels.json')).toEqual({
    labels: ['tabby cat', 'pear'],
    labelDetails: [{ short: 'tabby', group: 'cat' }, {}],
  });
  expect(parseLabelFile('["cat", "pear"]', 'labels.json')).toEqual({ labels: ['cat', 'pear'] });
  for (const wrong of [[{ label: 'cat' }, 'pear'], [{ label: 'cat', group: 3 }], [{}], []]) {
    expect(() => parseLabelFile(JSON.stringify(wrong), 'labels.json')).toThrow(/no labels/);
  }
});
