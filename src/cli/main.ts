#!/usr/bin/env node
/** `npx tabserve`: puts models, and tabserve itself, where a web server finds them. For Node. */
import { parseArgs } from 'node:util';
import { messageOf } from '../base/errors.js';
import { version } from '../base/version.js';
import { checkGiven } from './check.js';
import { copy } from './copy.js';
import { writeManifest } from './manifest.js';
import { pack } from './pack.js';
import { protect } from './protect.js';
import { pull } from './pull.js';

const options = {
  dtype: { type: 'string' },
  hub: { type: 'string' },
  processor: { type: 'string' },
  labels: { type: 'string' },
  engines: { type: 'string' },
  models: { type: 'string' },
  weights: { type: 'string' },
  'self-test': { type: 'boolean' },
  compress: { type: 'boolean' },
  encrypt: { type: 'boolean' },
  key: { type: 'string' },
  'key-id': { type: 'string' },
  expires: { type: 'string' },
  sign: { type: 'string' },
  force: { type: 'boolean' },
  python: { type: 'boolean' },
  reference: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

interface Command {
  usage: string;
  /** How many arguments it takes: so many, or from so many to so many. */
  arguments: number | readonly [least: number, most: number];
  help: string;
  run(given: readonly string[], values: Values, say: (line: string) => void): Promise<void>;
}

const commands: Readonly<Record<string, Command>> = {
  copy: {
    usage: 'copy <directory>',
    arguments: 1,
    help: `copies what a deployment serves, and prints what it weighs
  --engines <wasm|wasm,webgpu>   the engines that go along (default: both);
                                 wasm-first: without what unusual operators need
  --models <names|none>          the embedded models that go along (default: photos)
  --compress                     writes .br and .gz beside what gets smaller
  --force                        replaces a directory that is there`,
    run: ([directory = ''], values, say) => copy(directory, values, say),
  },
  pull: {
    usage: 'pull <model> <directory>',
    arguments: 2,
    help: `downloads and verifies a model: a catalogue name, hf:owner/name, or the URL of a
model.json, of a folder, or of an .onnx file
  --dtype <fp32|fp16|int8>   only this precision
  --hub <url>                another hub (default: https://huggingface.co/)
  --processor <slow|fast>    of a repository: Transformers' on Pillow (default) or on torchvision`,
    run: ([model = '', directory = ''], values, say) => pull(model, directory, values, say),
  },
  manifest: {
    usage: 'manifest <file.onnx>',
    arguments: 1,
    help: `writes a first model.json beside an .onnx file
  --labels <file>   its labels (default: a labels.txt beside it)
  --force           replaces the one that is there`,
    run: ([file = ''], values, say) => writeManifest(file, values, say),
  },
  pack: {
    usage: 'pack <directory | file.onnx> [new directory]',
    arguments: [1, 2],
    help: `stores the weights of an fp32 file as int8, a quarter of it, in <name>.int8-weights.onnx
beside it, and names that in model.json as the file that pages take
  --weights int8   what they are stored as
  --self-test      records in model.json what all its files compute, so that pages can check a GPU
                   by it; that of a packed file is always recorded
  --force          replaces the file that is there
or, into a new directory, makes a package of a model.json and its files that is encrypted or signed
  --encrypt          encrypts the files with AES-GCM
  --key <file>       the key, 32 bytes as base64; made if there is no such file
  --key-id <name>    what pages are told which key it takes (default: the key's fingerprint)
  --expires <date>   it is not opened after that, such as 2027-01-31 or 2027-01-31T12:00:00Z
  --sign <file.pem>  signs the manifest with this Ed25519 key; made if there is no such file
  --force            replaces the directory that is there`,
    run([path = '', directory], values, say) {
      if (directory === undefined && !values.encrypt && !values.sign)
        return pack(path, values, say);
      if (directory !== undefined && values.weights === undefined && !values['self-test']) {
        return protect(path, directory, values, say);
      }
      throw new Error(
        '--encrypt and --sign write a new directory: pack <directory> <new directory>. --weights and --self-test have none, and come before.',
      );
    },
  },
  check: {
    usage: 'check <directory|file.zip>',
    arguments: 1,
    help: `verifies a model.json and its files, in a directory or a zip, and runs the model once
  --reference <picture>   tells what pages answer about a JPEG or PNG file, and the network's input
  --python                prints a program that must give the same answers
  --key <file>            the key of an encrypted one; without it only its files are verified`,
    run: ([directory = ''], values, say) => checkGiven(directory, say, values),
  },
};

function helpOf({ usage, help }: Command): string {
  return `  ${usage}\n${help.replace(/^/gm, '      ')}\n`;
}

const help = `Usage: tabserve <command>

${Object.values(commands).map(helpOf).join('')}
  --help [of a command]   --version
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const [name, ...given] = positionals;
  if (values.version) return console.log(version);
  const command = name === undefined ? undefined : commands[name];
  if (!command) {
    const known = Object.keys(commands).join(', ');
    if (name !== undefined) console.error(`tabserve: there is no command "${name}": ${known}.`);
    console.log(help);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const { arguments: counts } = command;
  const [least, most] = typeof counts === 'number' ? [counts, counts] : counts;
  if (values.help || given.length < least || given.length > most) {
    console.log(`Usage: tabserve ${command.usage}\n\n${command.help}\n`);
    if (!values.help) process.exitCode = 2;
    return;
  }
  await command.run(given, values, (line) => console.log(line));
}

main().catch((error: unknown) => {
  console.error(`tabserve: ${messageOf(error)}`);
  process.exitCode = 1;
});
