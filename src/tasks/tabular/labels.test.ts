import { expect, it } from 'vitest';
import type { TensorInfo } from '../../base/tensor.js';
import type { TaskModel } from '../../runtime/task.js';
import { hubTask } from './hub.js';
import type { TabularManifest } from './types.js';
import { tabular } from './worker.js';

const inputs: TensorInfo[] = [{ name: 'X', type: 'float32', shape: ['N', 2] }];
const manifest = {
  name: 'two',
  version: '1.0.0',
  task: 'tabular',
  columns: [
    { name: 'a', kind: 'number' },
    { name: 'b', kind: 'number' },
  ],
  input: { kind: 'matrix', name: 'X' },
  output: { kind: 'class', label: 'label' },
  files: [{ url: 'two.onnx', dtype: 'fp32' }],
} satisfies TabularManifest;

it('refuses several labels for a row, which a described graph may answer', async () => {
  const outputs: TensorInfo[] = [{ name: 'label', type: 'int64', shape: [] }];
  const model = { manifest, labels: [], inputs, outputs, assets: {}, where: 'two.onnx' };
  const services = { gpu: null, rasteriseSvg: () => Promise.reject(new Error('none')) };
  const opened = await tabular.open(model as TaskModel<TabularManifest>, {}, services);
  const signal = new AbortController().signal;
  const rows = [
    [1, 2],
    [3, 4],
  ];
  const asked = await opened.prepare({ rows, first: 0 }, { topK: 9 }, { signal, lap: () => {} });
  const answer = (data: bigint[]) => ({
    label: {
      type: 'int64' as const,
      dims: [2, data.length / 2],
      data: BigInt64Array.from(data),
    },
  });
  expect(await asked.interpret(answer([0n, 1n]))).toHaveLength(2);
  await expect(async () => asked.interpret(answer([0n, 1n, 1n, 0n]))).rejects.toThrow(
    /4 labels for 2 rows/,
  );
});

it('does not describe a graph of several labels for a row', () => {
  const outputs: TensorInfo[] = [{ name: 'label', type: 'int64', shape: ['N', 2] }];
  const request = { manifest, open: 'everything', inputs, outputs, graph: null, beside: [] };
  expect(() => hubTask.complete?.({ ...request, where: 'two.onnx' } as never, null, [])).toThrow(
    expect.objectContaining({ code: 'model-invalid' }),
  );
});
