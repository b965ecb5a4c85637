#!/usr/bin/env node
/** `npx tabserve`: puts models where a web server finds them. For Node. */
import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors.js';
import { check } from './check.js';
import { writeManifest } from './manifest.js';
import { pull } from './pull.js';

// Node 20 does not have it yet.
Promise.withResolvers ??= function withResolvers<T>() {
  let resolve: (value: T | PromiseLike<T>) => void = () => undefined;
  let reject: (reason?: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

const help = `Usage: tabserve <command>

  pull <model> <directory>   downloads and verifies a model: a catalogue name, hf:owner/name,
                             or the URL of a model.json, of a folder, or of an .onnx file
      --dtype <fp32|fp16|int8>   only this precision
      --hub <url>                another hub (default: https://huggingface.co/)
  manifest <file.onnx>       writes a first model.json beside an .onnx file
      --labels <file>            its labels (otherwise: a labels.txt beside it)
      --force                    replaces the one that is there
  check <directory>          verifies a model.json and its files, and runs the model once
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dtype: { type: 'string' },
      hub: { type: 'string' },
      labels: { type: 'string' },
      force: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [command, first, second] = positionals;
  const say = (line: string) => console.log(line);
  if (command === 'pull' && first && second) return pull(first, second, values, say);
  if (command === 'manifest' && first) return writeManifest(first, values, say);
  if (command === 'check' && first) return check(first, say);
  console.log(help);
  if (!values.help) process.exitCode = 2;
}

main().catch((error: unknown) => {
  console.error(`tabserve: ${messageOf(error)}`);
  process.exitCode = 1;
});
