/** What the options of a trainer may be. */

import { TabserveError } from '../base/errors.js';
import { shown } from '../base/shown.js';
import type { PixelSize } from './pixels.js';
import type { UpdateOptions } from './shared-head.js';
import type { NetworkOptions, TrainOptions } from './trainer.js';
import type { NetworkSettings } from './types.js';

export function checkTrainOptions({
  weightDecay = 'auto',
  folds = 5,
  holdOut = 0,
  balanced = false,
  seed = 1,
}: TrainOptions) {
  if (weightDecay !== 'auto' && !(weightDecay > 0 && weightDecay < Infinity)) {
    throw refuse('weightDecay', weightDecay, '"auto", or a number above 0');
  }
  checkWhole('folds', folds, 2, 20);
  checkPart('holdOut', holdOut);
  checkWhole('seed', seed, 0, 2 ** 32 - 1);
  return {
    weightDecay: weightDecay === 'auto' ? null : weightDecay,
    folds,
    holdOut,
    balanced: Boolean(balanced),
    seed,
  };
}

export function checkNetworkOptions({
  epochs = 10,
  batchSize = 64,
  learningRate = 0.002,
  optimizer = 'adam',
  loss = 'cross-entropy',
  validation = 0.1,
  patience,
  shifts = false,
  mirrored = false,
  seed = 1,
}: NetworkOptions): NetworkSettings {
  checkWhole('epochs', epochs, 1, 10_000);
  checkWhole('batchSize', batchSize, 1, 4096);
  if (!(learningRate > 0 && learningRate < Infinity)) {
    throw refuse('learningRate', learningRate, 'a number above 0');
  }
  if (optimizer !== 'adam' && optimizer !== 'sgd') {
    throw refuse('optimizer', optimizer, '"adam" or "sgd"');
  }
  if (loss !== 'cross-entropy' && loss !== 'squared-error') {
    throw refuse('loss', loss, '"cross-entropy" or "squared-error"');
  }
  checkPart('validation', validation);
  if (patience !== undefined) checkWhole('patience', patience, 1, 10_000);
  checkWhole('seed', seed, 0, 2 ** 32 - 1);
  return {
    epochs,
    batchSize,
    learningRate,
    optimizer,
    loss,
    validation,
    patience: patience ?? null,
    shifts: Boolean(shifts),
    mirrored: Boolean(mirrored),
    seed,
  };
}

export function checkUpdateOptions({
  epochs = 5,
  batchSize = 10,
  learningRate = 0.5,
  clip,
  noiseMultiplier = 0,
  seed = 1,
}: UpdateOptions) {
  checkWhole('epochs', epochs, 1, 1000);
  checkWhole('batchSize', batchSize, 1, 4096);
  const isAbove = (value: number) => value > 0 && value < Infinity;
  if (!isAbove(learningRate)) throw refuse('learningRate', learningRate, 'a number above 0');
  if (clip !== undefined && !isAbove(clip)) throw refuse('clip', clip, 'a number above 0');
  if (noiseMultiplier !== 0 && !isAbove(noiseMultiplier)) {
    throw refuse('noiseMultiplier', noiseMultiplier, 'a number of 0 or more');
  }
  if (noiseMultiplier > 0 && clip === undefined) {
    throw refuse(
      'clip',
      clip,
      'a number above 0 where there is noise: the noise is measured by it',
    );
  }
  checkWhole('seed', seed, 0, 2 ** 32 - 1);
  return { epochs, batchSize, learningRate, clip: clip ?? null, noiseMultiplier, seed };
}

function checkWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw refuse(option, value, `a whole number from ${least} to ${most}`);
}

function checkPart(option: string, value: number): void {
  if (!(value >= 0 && value <= 0.9)) throw refuse(option, value, 'a number from 0 to 0.9');
}

export function refuse(option: string, found: unknown, expected: string): TabserveError {
  return new TabserveError(
    'invalid-argument',
    `The option "${option}" is ${shown(found)}; it takes ${expected}.`,
    { details: { option, expected } },
  );
}

export function checkPixels(size: PixelSize): PixelSize {
  const { width, height, channels = 3 } = size ?? {};
  const isSide = (side: unknown) =>
    Number.isInteger(side) && (side as number) >= 4 && (side as number) <= 128;
  if (isSide(width) && isSide(height) && (channels === 1 || channels === 3)) return size;
  throw new TabserveError(
    'invalid-argument',
    `The pixels of a base are ${shown(size)}; width and height are whole numbers from 4 to 128, and channels 1 or 3.`,
    { details: { option: 'base' } },
  );
}

export function checkName(name: unknown): void {
  if (typeof name === 'string' && name.length >= 1 && name.length <= 200) return;
  throw new TabserveError(
    'invalid-argument',
    `A name to keep something under is a text of 1 to 200 characters, not ${shown(name, 100)}.`,
    { details: { option: 'name' } },
  );
}
