/** Records what a graph makes of some tensors, so that pages can tell whether a device does the same. */
import { messageOf } from '../base/errors.js';
import { arrayClasses, type NumberType, numbersOf, type Tensor } from '../base/tensor.js';
import type { ModelInput } from '../input/image/manifest.js';
import type {
  CoreManifest,
  ModelFile,
  TensorTest,
  TestInput,
  TestOutput,
} from '../model/manifest-core.js';
import { detailOf, digestOf, tolerances } from '../runtime/compare.js';
import { differenceFrom, openTest, tensorTests, testFeeds } from '../runtime/self-test.js';
import type { ModelSession } from '../runtime/session.js';
import { imageFeed } from '../tasks/image-feed.js';

/** What is kept of each output: enough to notice a channel that is wrong, in a few kilobytes. */
const [mostNumbers, mostParts] = [128, 64];

/** What open sizes but the first are, which is 1. */
const openSize = 16;

/** Most elements of an input. */
const mostElements = 2 ** 26;

/**
 * Runs a model on made-up tensors of the shapes that its manifest and its graph say.
 *
 * @param manifest - Of any task.
 * @param file - The file that the session is of.
 * @throws Error where there are no such tensors: for texts as input, or a graph that refuses them.
 */
export async function recordTest(
  manifest: CoreManifest,
  file: ModelFile,
  session: ModelSession,
): Promise<TensorTest> {
  const inputs = inputsFor(manifest, session, file.url);
  const names = session.outputs.flatMap(({ name, type }) => (type in arrayClasses ? [name] : []));
  if (names.length === 0) throw new Error('it has no output of numbers');
  const found = await session.run(testFeeds(inputs), names.slice(0, 16));
  const like = Object.entries(found).map(([name, { data, dims }]) => {
    const { step, size } = detailOf(dims, mostNumbers, mostParts);
    return { name, step, blocks: new Float64Array(Math.ceil(data.length / size)) };
  });
  const outputs = digestOf(found, like).map(({ name, type, dims, step, sample, blocks }) => {
    const output: TestOutput = {
      type: type as NumberType,
      dims: [...dims],
      ...(step > 1 && { step }),
      numbers: Array.from(sample, short),
      ...(step > 1 && { parts: Array.from(blocks, short) }),
    };
    return [name, output] as const;
  });
  const none = outputs.find(([, { numbers }]) => numbers.every((value) => value === null));
  if (none) throw new Error(`its output "${none[0]}" has no numbers`);
  return { file: file.url, inputs, outputs: Object.fromEntries(outputs) };
}

/**
 * As {@link recordTest}, into the manifest.
 *
 * @returns The manifest's tests, with the new one in the place of the file's former one; those as they
 *   are where there is none, which is said.
 */
export async function withTest(
  manifest: CoreManifest,
  file: ModelFile,
  session: ModelSession,
  say: (line: string) => void,
): Promise<CoreManifest['selfTest']> {
  const { selfTest = [] } = manifest;
  try {
    const test = await recordTest(manifest, file, session);
    say(`  Its self-test was recorded: ${Object.keys(test.outputs).join(', ')}.`);
    const others = selfTest.filter((each) => !('file' in each && each.file === file.url));
    return [...others, test];
  } catch (error) {
    say(
      `  No self-test was recorded, since ${messageOf(error)}. Give one in files: docs/models.md.`,
    );
    return manifest.selfTest;
  }
}

/**
 * Runs the tests that were recorded of a file.
 *
 * @returns How many there are.
 * @throws Error for the first that the graph fails.
 */
export async function runTests(
  manifest: CoreManifest,
  file: ModelFile,
  session: ModelSession,
  read: (url: string) => Promise<Uint8Array>,
): Promise<number> {
  const tests = tensorTests(manifest, file.url);
  for (const test of tests) {
    const open = await openTest(test, read);
    const difference = await differenceFrom(open, session, tolerances[file.dtype]);
    if (difference === undefined) continue;
    throw new Error(`${file.url} fails the self-test of model.json: ${difference}.`);
  }
  return tests.length;
}

function inputsFor(manifest: CoreManifest, session: ModelSession, where: string) {
  const { constants = {} } = manifest;
  const input = 'input' in manifest ? (manifest.input as Partial<ModelInput>) : {};
  if (isPicture(input)) {
    const { width, height, channels, dtype } = input;
    const data = new arrayClasses[dtype](width * height * channels);
    const picture = { type: dtype, dims: [], data } as Tensor;
    const feed = imageFeed(session.inputs, input, constants, where);
    const feeds = Object.entries(feed.feeds(picture, () => input)) as [string, Tensor][];
    return Object.fromEntries(
      feeds.map(([name, tensor]) => [name, described(tensor, name !== input.name)]),
    );
  }
  const inputs = session.inputs.map(({ name, type, shape }) => {
    if (!(type in arrayClasses)) throw new Error(`its input "${name}" takes ${type}`);
    const dims = shape.map((size, axis) =>
      typeof size === 'number' ? size : axis === 0 ? 1 : openSize,
    );
    if (dims.reduce((product, size) => product * size, 1) > mostElements) {
      throw new Error(`its input "${name}" has the sizes [${dims.join(', ')}]`);
    }
    const given = constants[name];
    const data = given ?? (/mask/i.test(name) ? 1 : /type|segment/i.test(name) ? 0 : undefined);
    const described: TestInput = {
      type: type as NumberType,
      dims,
      ...(data !== undefined && { data }),
    };
    return [name, described] as const;
  });
  return Object.fromEntries(inputs);
}

function isPicture(input: Partial<ModelInput>): input is ModelInput {
  return 'width' in input && 'channels' in input;
}

/** @param isFixed - Whether it is just these numbers. */
function described({ type, dims, data }: Tensor, isFixed: boolean): TestInput {
  const tensor = { type: type as NumberType, dims: [...dims] };
  if (!isFixed) return tensor;
  const numbers = Array.from(numbersOf({ type, dims, data }));
  const [first = 0] = numbers;
  return { ...tensor, data: numbers.every((value) => value === first) ? first : numbers };
}

/** Seven digits, as float32 has them; whole numbers as they are. */
function short(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  return Number.isInteger(value) ? value : Number(value.toPrecision(7));
}
