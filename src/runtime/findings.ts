/**
 * What was found out about models on GPUs, remembered across visits: that a device computes as the
 * reference does need not be found out twice, and one that does not is not tried again.
 */
import type { Finding } from '../base/probe.js';
import { ortVersion, version } from '../base/version.js';
import { digestText } from '../model/digest.js';
import type { ModelStore } from '../model/store/store.js';

/** What was compared. */
export interface Subject {
  /** The sha256 of each of the model's files; `null` for one that has none, which is not remembered. */
  files: readonly (string | null)[];
  adapter: string | null;
  /** Whether the engine waits by JSPI or by asyncify: two builds. */
  build: string;
}

/** As it is written down. */
interface Findings {
  findings: readonly (Finding & { key: string; at: number })[];
}

const recordName = digestText('tabserve: findings about devices');

/** More are not kept; the oldest go first. */
const maxFindings = 100;

/** Milliseconds after which a finding is found anew: drivers change, and no browser tells. */
const goodFor = 30 * 24 * 3600 * 1000;

/** What is known of `subject`. */
export async function recall(store: ModelStore, subject: Subject): Promise<Finding | undefined> {
  const key = keyOf(subject);
  const { findings } = await read(store);
  const found = findings.find((each) => each.key === key && Date.now() - each.at < goodFor);
  return key && found ? { by: found.by, difference: found.difference } : undefined;
}

/** Writes a finding down. A store that cannot be written to is gone without. */
export async function remember(
  store: ModelStore,
  subject: Subject,
  { by, difference }: Finding,
): Promise<void> {
  const key = keyOf(subject);
  if (!key) return;
  const { findings } = await read(store);
  const others = findings.filter((each) => each.key !== key).slice(1 - maxFindings);
  const record: Findings = { findings: [...others, { key, by, difference, at: Date.now() }] };
  await store.writeRecord(recordName, record).catch(() => undefined);
}

/** Everything that may change the numbers. Two builds of the browser have two compilers of shaders. */
function keyOf({ files, adapter, build }: Subject): string | undefined {
  if (files.includes(null)) return undefined;
  return digestText(
    JSON.stringify([files, adapter, build, ortVersion, version, navigator.userAgent]),
  );
}

async function read(store: ModelStore): Promise<Findings> {
  const record = await store.readRecord(recordName).catch(() => undefined);
  const isOurs = typeof record === 'object' && record !== null && 'findings' in record;
  return isOurs && Array.isArray(record.findings) ? (record as Findings) : { findings: [] };
}
