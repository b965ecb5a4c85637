import { expect, it } from 'vitest';
import { kindOf, WayTrial } from './trial.js';
import type { PreprocessingReport } from './types.js';

const cpu: PreprocessingReport = { device: 'cpu', reason: 'it is asked for' };
const gpu: PreprocessingReport = { device: 'gpu', reason: 'it is asked for' };

/** Has pictures come that take so many milliseconds; gives what was to preprocess each. */
function come(trial: WayTrial, kind: string, times: { cpu: number; gpu: number }, count = 12) {
  return Array.from({ length: count }, (_, index) => {
    const { device } = trial.next(kind);
    // What is compiled with the first ones.
    trial.note(kind, device, { cpu, gpu }[device], times[device] + (index % 5 === 0 ? 500 : 0));
    return device;
  });
}

it('tries the CPU and then the GPU, and takes the faster one', () => {
  const trial = new WayTrial();
  const ways = come(trial, 'bitmaps', { cpu: 20, gpu: 10 });
  expect(ways).toEqual([...Array(5).fill('cpu'), ...Array(7).fill('gpu')]);
  expect(trial.report).toEqual({
    device: 'gpu',
    reason:
      'measured with bitmaps, from decoding to answer: 20.0 ms on the CPU, 10.0 ms on the GPU',
  });
});

it('stays on the CPU where the GPU gains too little', () => {
  const trial = new WayTrial();
  expect(come(trial, 'JPEG files', { cpu: 20, gpu: 19 }).at(-1)).toBe('cpu');
  expect(trial.report.device).toBe('cpu');
  expect(trial.report.reason).toContain('20.0 ms on the CPU, 19.0 ms on the GPU');
});

it('decides for each kind by itself', () => {
  const trial = new WayTrial();
  come(trial, 'JPEG files', { cpu: 20, gpu: 30 });
  come(trial, 'video frames', { cpu: 20, gpu: 5 });
  expect(trial.next('JPEG files').device).toBe('cpu');
  expect(trial.next('video frames').device).toBe('gpu');
});

it('asks a GPU no more that leaves the pictures to the CPU', () => {
  const trial = new WayTrial();
  const refused: PreprocessingReport = { device: 'cpu', reason: 'it changes transparent pixels' };
  const ways = Array.from({ length: 9 }, () => {
    const { device } = trial.next('bitmaps');
    trial.note('bitmaps', device, device === 'gpu' ? refused : cpu, 10);
    return device;
  });
  expect(ways).toEqual([...Array(5).fill('cpu'), 'gpu', 'gpu', 'cpu', 'cpu']);
  expect(trial.report.reason).toBe(
    'the GPU leaves bitmaps to the CPU: it changes transparent pixels',
  );
});

it('tells kinds by how their pixels are come by', () => {
  const file = (type: string) => kindOf({ kind: 'blob', blob: new Blob([], { type }) });
  expect([file('image/jpeg'), file('image/png')]).toEqual(['JPEG files', 'other files']);
});
