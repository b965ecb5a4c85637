/**
 * Writes down the public API, one file for each entry of the package (`tools/api/*.api.md`), so that a
 * change of it is seen and reviewed. With `--check` it only says whether the files are current.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor');

const root = resolve(import.meta.dirname, '../..');
const isCheck = process.argv.includes('--check');
const prefix = './dist/types/src/';

/** The types of each entry, by the name of its report. */
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries(exports)
  .filter(([, target]) => target.types?.startsWith(prefix))
  .map(([name, { types }]) => [name.replace(/^\.\/?/, '') || 'index', types.slice(prefix.length)]);

const folder = mkdtempSync(join(tmpdir(), 'tabserve-api-'));
const outdated = [];
try {
  const types = join(folder, 'types');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [
    tsc,
    '-p',
    join(root, 'src/tsconfig.types.json'),
    '--outDir',
    types,
  ]);
  // The extractor knows no type of a whole module; nothing public has one.
  const environment = join(types, 'src/serving/environment.d.ts');
  const declared = readFileSync(environment, 'utf8');
  writeFileSync(environment, declared.replaceAll(/typeof import\('[^']+'\)/g, 'unknown'));

  for (const [name, path] of entries) {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(types, 'src', path),
        compiler: {
          overrideTsconfig: {
            compilerOptions: {
              target: 'ES2022',
              module: 'ESNext',
              moduleResolution: 'Bundler',
              strict: true,
              lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
              types: [],
              skipLibCheck: true,
            },
            files: [join(types, 'src', path)],
          },
        },
        apiReport: {
          enabled: true,
          reportFileName: `${name}.api.md`,
          reportFolder: join(root, 'tools/api'),
          reportTempFolder: join(folder, 'reports'),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: { default: { logLevel: 'none' } },
          tsdocMessageReporting: { default: { logLevel: 'none' } },
        },
      },
      configObjectFullPath: join(root, 'tools/api/report.mjs'),
      packageJsonFullPath: join(root, 'package.json'),
    });
    const { apiReportChanged } = Extractor.invoke(config, {
      localBuild: !isCheck,
      messageCallback: (message) => {
        // What it would say of a changed report is said below.
        if (message.logLevel !== 'error') message.handled = true;
      },
    });
    if (apiReportChanged) outdated.push(`tools/api/${name}.api.md`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (outdated.length === 0) console.log(`${entries.length} reports of the API are current.`);
else if (isCheck) {
  console.error(
    `The public API has changed: ${outdated.join(', ')}. Run \`npm run api\`, and review the difference.`,
  );
  process.exitCode = 1;
} else console.log(`Written: ${outdated.join(', ')}`);
