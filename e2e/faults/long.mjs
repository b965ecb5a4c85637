// The long forms of two tests, as commands: `faults --count 500 --seed 7`, `soak --minutes 60`.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '60' },
  },
});
const [form] = positionals;
const settings =
  form === 'soak'
    ? { file: 'soak', env: { TABSERVE_SOAK_MINUTES: values.minutes } }
    : { file: 'bench', env: { TABSERVE_FAULTS: values.count } };
const { status } = spawnSync(
  'npx',
  ['playwright', 'test', '--project=chromium', `e2e/faults/${settings.file}.spec.ts`],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...settings.env,
      TABSERVE_SEED: values.seed ?? 'random',
    },
  },
);
process.exit(status ?? 1);
