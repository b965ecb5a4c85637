/** What the page would answer about a picture, in Node. */
import { basename } from 'node:path';
import { numbersOf } from '../base/tensor.js';
import { createPreprocessor } from '../input/image/preprocess.js';
import type { ModelManifest } from '../model/manifest.js';
import { activate, dequantised, topK, withComplement } from '../tasks/scores.js';
import type { OpenGraph } from './graph.js';
import { readPicture } from './picture.js';

/** How many answers are told. */
const answers = 5;

/**
 * Tells what becomes of a picture: the description, the numbers that the network gets, and the best
 * answers.
 *
 * @param complete - Its labels read.
 * @throws Error as `readPicture()`.
 */
export async function tellReference(
  path: string,
  complete: ModelManifest & { labels: string[] },
  { session, feed }: OpenGraph,
  say: (line: string) => void,
): Promise<void> {
  const { input, preprocess, output, labels } = complete;
  const preprocessor = createPreprocessor(input, preprocess);
  const data = preprocessor.allocate(1);
  const source = await readPicture(path);
  const size = `${source.width} × ${source.height}`;
  const pixels = await preprocessor.crop(source);
  source.close();
  preprocessor.write(pixels, data);
  const tensor = { type: input.dtype, dims: [data.length], data };
  const outputs = await session.run(
    feed.feeds(tensor, () => input),
    [output.name],
  );
  const result = Object.values(feed.first(outputs))[0];
  if (!result) throw new Error(`There is no output "${output.name}".`);
  const numbers = activate(dequantised(numbersOf(result), output), output.activation);
  const scores = withComplement(numbers, labels.length);
  say(`${basename(path)}: ${size}`);
  say(`  description: ${describe(complete)}`);
  for (const [channel, line] of statistics(numbersOf(tensor), input).entries()) {
    say(
      `  "${input.name}" ${input.colorOrder === 'GRAY' ? 'grey' : input.colorOrder[channel]}: ${line}`,
    );
  }
  const wanted = { topK: answers, threshold: -Infinity, thresholds: null, allow: null, deny: null };
  for (const { score, label } of topK(scores, labels, wanted))
    say(`  ${score.toFixed(5)} ${label}`);
}

function describe({ input, preprocess, output }: ModelManifest): string {
  const { resize = { policy: 'none' }, crop, mean = 0, std = 1, alpha = 'composite' } = preprocess;
  const { policy, ...how } = resize;
  const scale = preprocess.scale ?? (input.dtype.startsWith('float') ? 1 / 255 : 1);
  return [
    `resize ${policy} ${JSON.stringify(how)}`,
    ...(crop ? [`crop ${crop.width} × ${crop.height}`] : []),
    `alpha ${alpha}`,
    `(byte × ${Number(scale.toPrecision(6))} − ${JSON.stringify(mean)}) / ${JSON.stringify(std)}`,
    `${input.dtype} ${input.layout} ${input.colorOrder}`,
    `then ${output.activation === 'none' ? 'the output as it is' : output.activation}`,
  ].join(', ');
}

/** Mean, deviation and range of each channel. */
function statistics(
  values: ArrayLike<number>,
  { channels, layout }: ModelManifest['input'],
): string[] {
  const area = values.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    let [sum, squares, least, most] = [0, 0, Infinity, -Infinity];
    for (let i = 0; i < area; i++) {
      const value = values[
        layout === 'NCHW' ? channel * area + i : i * channels + channel
      ] as number;
      sum += value;
      squares += value * value;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const mean = sum / area;
    const deviation = Math.sqrt(Math.max(0, squares / area - mean * mean));
    const [a, b, c, d] = [mean, deviation, least, most].map((each) => each.toFixed(5));
    return `mean ${a}, deviation ${b}, from ${c} to ${d}`;
  });
}
