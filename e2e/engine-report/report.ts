/** Turns outcomes into the committed table. */
import type { Outcome } from './run.js';

/** A group of cases with one operator on one build and provider. */
interface Row {
  op: string;
  where: string;
  cases: number;
  right: number;
  wrong: string[];
  refused: string[];
  cpu: number;
}

/**
 * A Markdown table of operators that are wrong, refused or left to the CPU.
 *
 * @param engine - The engine's name and version.
 */
export function tableOf(outcomes: readonly Outcome[], engine: string): string {
  const rows = new Map<string, Row>();
  for (const { name, about, results } of outcomes) {
    for (const [where, { status, cpu }] of Object.entries(results)) {
      const key = `${about.op} ${where}`;
      const row = rows.get(key) ?? {
        op: about.op,
        where,
        cases: 0,
        right: 0,
        wrong: [],
        refused: [],
        cpu: 0,
      };
      row.cases += 1;
      if (status === 'right') row.right += 1;
      else (status === 'wrong' ? row.wrong : row.refused).push(name);
      if (cpu) row.cpu += 1;
      rows.set(key, row);
    }
  }
  const lines = [...rows.values()]
    .sort((a, b) => b.wrong.length - a.wrong.length || b.refused.length - a.refused.length)
    .map(({ op, where, cases, right, wrong, refused, cpu }) => {
      const counts = [cases, right, wrong.length, refused.length, cpu].join(' | ');
      return `| ${op} | ${where} | ${counts} | ${[...wrong, ...refused].slice(0, 3).join(', ')} |`;
    });
  return [
    `# ${engine}: what is right`,
    '',
    '| operators | build/provider | cases | right | wrong | refused | partly on the CPU | for example |',
    '|---|---|---:|---:|---:|---:|---:|---|',
    ...lines,
    '',
  ].join('\n');
}
