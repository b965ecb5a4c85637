/**
 * Graphs of every architecture family of timm, torchvision and Keras, described by themselves. What the
 * description says is what the library says, or it is listed as assumed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { TensorInfo } from '../base/tensor.js';
import torch from '../model/golden/families.json' with { type: 'json' };
import keras from '../model/golden/families-keras.json' with { type: 'json' };
import type { ModelManifest } from '../model/manifest.js';
import { describedScores, describeGraph } from '../testing/described.js';

interface Family {
  library: string;
  family: string;
  model: string;
  exporter: string;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  config: Config;
  /** What stands next to inputs and outputs, in hexadecimal digits, deflated. */
  graph: string;
}

/** What a library itself says. */
interface Config {
  input_size: number[];
  /** Of 0…1 for torch's libraries, of bytes for Keras. */
  mean: number[];
  std: number[];
  order?: string;
  interpolation?: string;
  crop_pct?: number;
  crop_mode?: string;
}

const families = [...torch.cases, ...keras.cases] as Family[];

const describeFamily = (each: Family) =>
  describeGraph(
    new Uint8Array(inflateSync(Buffer.from(each.graph, 'hex'))),
    each.inputs,
    each.outputs,
    `${each.model}.onnx`,
  );

/** What a description and a library say of the same things, under the words that assumptions use. */
function sayings({ input, preprocess }: ModelManifest, config: Config) {
  const { resize, scale = 1 / 255, mean = 0, std = 1 } = preprocess;
  const three = (value: number | number[]) => (Array.isArray(value) ? value : Array(3).fill(value));
  const isBytes = config.order !== undefined;
  const [, height, width] = config.input_size;
  const rounded = (values: number[]) => values.map((each) => Number(each.toFixed(4)));
  const unit = isBytes ? 1 : 255;
  return {
    'height|width': [
      [input.height, input.width],
      [height, width],
    ],
    'RGB|BGR': [input.colorOrder, config.order ?? 'RGB'],
    'mean and deviation|…1': [
      [
        rounded(three(mean).map((each: number) => each / scale)),
        rounded(three(std).map((each: number) => each / scale)),
      ],
      [
        rounded(config.mean.map((each) => each * unit)),
        rounded(config.std.map((each) => each * unit)),
      ],
    ],
    ...(config.crop_pct !== undefined && {
      'resized to': [
        resize?.policy === 'crop-fraction'
          ? [Math.floor((height as number) / resize.fraction), resize.filter]
          : resize,
        [Math.floor((height as number) / config.crop_pct), config.interpolation],
      ],
    }),
  } as Record<string, [unknown, unknown]>;
}

test('there are as many as the libraries have', () => {
  const count = (library: string) =>
    new Set(families.filter((each) => each.library === library).map(({ family }) => family)).size;
  // Of 98 modules of timm, three hold vision towers of language models only.
  expect([count('timm'), count('torchvision'), count('keras')]).toEqual([95, 17, 12]);
});

// What no file says is usually what the library does, and not always.
test('so often what is assumed is right', () => {
  const right: Record<string, Record<string, string>> = {};
  for (const library of ['timm', 'torchvision', 'keras']) {
    const these = families.filter((each) => each.library === library);
    const said = these.map((each) => sayings(describeFamily(each).manifest, each.config));
    const count = (what: string) => {
      const equal = said.filter((each) => isDeepStrictEqual(each[what]?.[0], each[what]?.[1]));
      return `${equal.length} of ${these.length}`;
    };
    right[library] = Object.fromEntries(
      Object.keys(said[0] ?? {}).map((what) => [what, count(what)]),
    );
  }
  expect(right).toMatchInlineSnapshot(`
    {
      "keras": {
        "RGB|BGR": "12 of 13",
        "height|width": "13 of 13",
        "mean and deviation|…1": "11 of 13",
      },
      "timm": {
        "RGB|BGR": "182 of 182",
        "height|width": "182 of 182",
        "mean and deviation|…1": "134 of 182",
        "resized to": "12 of 182",
      },
      "torchvision": {
        "RGB|BGR": "33 of 33",
        "height|width": "33 of 33",
        "mean and deviation|…1": "33 of 33",
        "resized to": "19 of 33",
      },
    }
  `);
});

describe.each(['timm', 'torchvision', 'keras'])('%s', (library) => {
  const these = families.filter((each) => each.library === library);
  test.each(these)('$family by $exporter', (each) => {
    const { manifest, fallbacks, found } = describeFamily(each);
    const [, assumed = ''] =
      /Assumed: (.*?)\.(?= Found| If)/.exec(fallbacks[0]?.reason ?? '') ?? [];
    for (const [what, [said, meant]] of Object.entries(sayings(manifest, each.config))) {
      const isAssumed = new RegExp(what).test(assumed);
      const isFound = new RegExp(what).test(found.join('; '));
      if (isFound || !isAssumed) expect(said, `${what}: not assumed`).toEqual(meant);
    }
    expect(manifest.labels).toHaveLength(1000);
    // Torch's end in logits, Keras' in a softmax.
    expect(manifest.output.activation).toBe(library === 'keras' ? 'none' : 'softmax');
    expect(library === 'keras' ? found.join() : assumed).toMatch(
      library === 'keras' ? /scores by Softmax/ : /softmax turns the output into scores/,
    );
  });
});

const folder = process.env.TABSERVE_FAMILIES;

// Whole graphs, which the recipes leave in a folder.
if (folder) {
  test.each(families)(
    'run, $library $family by $exporter gives its scores',
    { timeout: 120_000 },
    async (each) => {
      const name = `${each.library}-${each.family}-${each.exporter}`;
      const path = join(folder as string, `${name}.onnx`);
      expect(existsSync(path)).toBe(true);
      const expected = JSON.parse(
        readFileSync(path.replace(/\.onnx$/, '.json'), 'utf8'),
      ) as number[];
      const { scores, manifest } = await describedScores(new Uint8Array(readFileSync(path)), name);
      // The run writes as many numbers as the description has pixels.
      expect([manifest.input.height, manifest.input.width]).toEqual(
        each.config.input_size.slice(1),
      );
      expect(scores).toHaveLength(expected.length);
      const worst = Math.max(
        ...scores.map((score, at) => Math.abs(score - (expected[at] as number))),
      );
      expect(worst).toBeLessThan(1e-4);
    },
  );
}
