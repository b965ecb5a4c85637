// Runs the measurement's TypeScript through Vite, so that it needs no build of its own.
import { runnerImport } from 'vite';

const { module } = await runnerImport(new URL('learn.ts', import.meta.url).pathname, {
  configFile: false,
  logLevel: 'error',
});
await module.main(process.argv.slice(2));
