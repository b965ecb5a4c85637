/**
 * schemathesis on the protocol's own OpenAPI file, against the page and against Triton: what it finds
 * at the page it finds at Triton too. The file is test material, not part of the project.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFolder } from '../server.js';

const file = join(sharedFolder, 'v2/scripts/schemathesis/open_inference_rest.yaml');

/** Runs a program that may find something. */
type Run = (argv: readonly string[]) => Promise<void>;

/** Whether the protocol's file is here. */
export const hasProtocolFile = existsSync(file);

/**
 * What is found at an address, such as `GET /v2 ST103`.
 *
 * @param folder - For the report.
 */
export async function findingsAt(address: string, folder: string, run: Run): Promise<Set<string>> {
  rmSync(folder, { recursive: true, force: true });
  await run([
    ...['run', file, '--url', `http://${address}`],
    ...['--phases', 'examples,fuzzing', '--max-examples', '20', '--seed', '1'],
    ...['--report', 'junit', '--report-dir', folder],
  ]).catch(() => undefined);
  const [report = ''] = readdirSync(folder);
  const text = readFileSync(join(folder, report), 'utf8');
  const cases = [
    ...text.matchAll(/<testcase name="([^"]+)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g),
  ];
  if (cases.length < 9) throw new Error(`schemathesis tried ${cases.length} operations only.`);
  return new Set(
    cases.flatMap(([, name, body = '']) =>
      [...body.matchAll(/^- (ST\d+ .+)$/gm)].map(([, what]) => `${name}: ${what}`),
    ),
  );
}
