/** Tries a model of tables as a page asks it. */
import type { CellValue, TableColumn } from '../input/table/types.js';
import type { CoreManifest, ModelFile } from '../model/manifest-core.js';
import type { TabularManifest } from '../tasks/tabular/types.js';
import { tabular } from '../tasks/tabular/worker.js';
import { type GraphFiles, openGraph } from './graph.js';
import { runTests } from './self-test.js';

export function isTable(manifest: CoreManifest): manifest is TabularManifest {
  return manifest.task === tabular.name;
}

/**
 * Asks the model about one row of ordinary values, and runs the tests of its manifest.
 *
 * @param read - Reads a file by the address that the manifest gives it.
 * @returns How many tests it passed.
 * @throws TabserveError `model-invalid` where the graph does not fit its manifest, or gives no usable answer.
 */
export async function tryTable(
  manifest: TabularManifest,
  labels: readonly string[],
  { bytes, external }: GraphFiles,
  file: ModelFile,
  read: (url: string) => Promise<Uint8Array>,
): Promise<number> {
  const where = file.url;
  const graph = tabular.rewrite?.(bytes) ?? bytes;
  const session = await openGraph({ bytes: graph, external }, where);
  const { inputs, outputs } = session;
  const opened = await tabular.open(
    { manifest, labels, inputs, outputs, assets: {}, where },
    {},
    {
      gpu: null,
      rasteriseSvg: () => Promise.reject(new Error('A table has no pictures.')),
    },
  );
  const row = manifest.columns.map(ordinary);
  const asked = await opened.prepare(
    { rows: [row], first: 0 },
    { topK: 1 },
    { signal: new AbortController().signal, lap: () => undefined },
  );
  const found = await session.run(await asked.feeds(), opened.outputs);
  await asked.interpret(found);
  const tests = await runTests(manifest, file, session, read);
  await session.release();
  return tests;
}

/** A value that the column takes. */
function ordinary({ kind, categories, mean = 0 }: TableColumn): CellValue {
  return categories?.[0] ?? (kind === 'text' ? '' : mean);
}
