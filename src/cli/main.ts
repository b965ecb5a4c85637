#!/usr/bin/env node
/** `npx tabserve`: puts models, and tabserve itself, where a web server finds them. For Node. */
import { parseArgs } from 'node:util';
import { isTabserveError, messageOf } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
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
  version: { type: 'boolean', short: 'v' },
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
    help: `copies the files that a web server needs, and prints their size
  --engines <wasm|wasm,webgpu>   which engines to copy (default: both);
                                 wasm-first: without what unusual operators need
  --models <names|none>          which embedded models to copy (default: photos)
  --compress                     also writes .br and .gz files, where they are smaller
  --force                        replaces an earlier copy`,
    run: ([directory = ''], values, say) => copy(directory, values, say),
  },
  pull: {
    usage: 'pull <model> <directory>',
    arguments: 2,
    help: `downloads and verifies a model: a catalogue name, hf:owner/name, or the URL of a
model.json, of a folder, or of an .onnx file
  --dtype <fp32|fp16|int8>   downloads only this precision
  --hub <url>                the hub to use (default: https://huggingface.co/)
  --processor <slow|fast>    for hub repositories: preprocess pictures like Transformers' Pillow
                             processor (slow, the default) or its torchvision processor (fast)`,
    run: ([model = '', directory = ''], values, say) => pull(model, directory, values, say),
  },
  manifest: {
    usage: 'manifest <file.onnx>',
    arguments: 1,
    help: `writes a first model.json next to an .onnx file, and says what it had to assume
  --labels <file>   the labels, one per line (default: labels.txt next to the .onnx file)
  --force           replaces a model.json that exists`,
    run: ([file = ''], values, say) => writeManifest(file, values, say),
  },
  pack: {
    usage: 'pack <directory | file.onnx> [new directory]',
    arguments: [1, 2],
    help: `makes a model smaller: writes <name>.int8-weights.onnx next to the fp32 file, a quarter of its
size, and lists it first in model.json, so that pages load it
  --weights int8   how to store the weights
  --self-test      records in model.json what each file computes, so that pages can check GPUs
                   against it; for a file that is packed this is always done
  --force          replaces a file that exists
with a new directory, writes an encrypted or signed copy of the model there
  --encrypt          encrypts the files with AES-GCM
  --key <file>       the key, 32 bytes as base64; a new one is made if the file does not exist
  --key-id <name>    the name by which pages ask for the key (default: the key's fingerprint)
  --expires <date>   pages refuse the model after this date: 2027-01-31 or 2027-01-31T12:00:00Z
  --sign <file.pem>  signs model.json with this Ed25519 key; a new one is made if the file does not exist
  --force            replaces a directory that exists`,
    run([path = '', directory], values, say) {
      if (directory === undefined && !values.encrypt && !values.sign)
        return pack(path, values, say);
      if (directory !== undefined && values.weights === undefined && !values['self-test']) {
        return protect(path, directory, values, say);
      }
      throw new Error(
        '--encrypt and --sign need a new directory: pack <directory> <new directory>. --weights and --self-test change the model in place: run them first, without a new directory.',
      );
    },
  },
  check: {
    usage: 'check <directory|file.zip>',
    arguments: 1,
    help: `checks a model.json and its files, in a directory or a zip file, and runs the model once
  --reference <picture>   prints what pages answer for a JPEG or PNG file, and what the network gets
  --python                prints a Python program that must give the same answers
  --key <file>            the key of an encrypted model; without it the model is not run`,
    run: ([directory = ''], values, say) => checkGiven(directory, say, values),
  },
};

/** The options of a command, which its help lists. */
function optionsOf({ help }: Command): string[] {
  return [...new Set([...help.matchAll(/^ +--([\w-]+)/gm)].map(([, option = '']) => option))];
}

function helpOf({ usage, help }: Command): string {
  return `  ${usage}\n${help.replace(/^/gm, '      ')}\n`;
}

const help = `Usage: tabserve <command>

${Object.values(commands).map(helpOf).join('')}
  tabserve <command> --help   explains one command
  tabserve --version          prints the version
`;

/** A command line that is wrong by itself. */
class Misused extends Error {}

/** @throws Error for options that there are not, and values that are missing. */
function argumentsOf(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    // Node advises how to write an argument that begins with a hyphen, which nobody wants here.
    const [, unknown] = /^Unknown option '(-{1,2}[^']*)'/.exec(messageOf(error)) ?? [];
    if (unknown === undefined) throw new Error(`${messageOf(error)}.`);
    const near = nearest(unknown.replace(/^-+/, ''), Object.keys(options));
    const hint = near === undefined ? '`tabserve --help` lists them.' : `Did you mean --${near}?`;
    throw new Error(`There is no option ${unknown}. ${hint}`);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = argumentsOf(process.argv.slice(2));
  if (positionals[0] === 'help') {
    positionals.shift();
    values.help = true;
  }
  const [name, ...given] = positionals;
  if (values.version) return console.log(version);
  const command = name === undefined ? undefined : commands[name];
  if (!command) {
    const known = Object.keys(commands).join(', ');
    if (name !== undefined) {
      const near = nearest(name, Object.keys(commands));
      const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
      throw new Misused(
        `There is no command "${name}".${hint} The commands are ${known}. Usage: tabserve <command>\n\`tabserve --help\` explains them.`,
      );
    }
    console.log(help);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const { arguments: counts } = command;
  const [least, most] = typeof counts === 'number' ? [counts, counts] : counts;
  if (values.help) return console.log(`Usage: tabserve ${command.usage}\n\n${command.help}\n`);
  const usage = `Usage: tabserve ${command.usage}\n\`tabserve ${name} --help\` explains it.`;
  if (given.length < least || given.length > most) {
    const what = given.length < least ? 'An argument is missing' : 'There are too many arguments';
    throw new Misused(`${what}. ${usage}`);
  }
  const own = optionsOf(command);
  const other = Object.keys(values).find((option) => !own.includes(option));
  if (other !== undefined) {
    const list = own.map((option) => `--${option}`).join(', ');
    throw new Misused(`"${name}" has no option --${other}. It has ${list}.`);
  }
  await command.run(given, values, (line) => console.log(line));
}

/** What went wrong. What browsers forbid is not the reason here, and the system's own reason is deeper. */
function told(error: unknown): string {
  const cause = isTabserveError(error, 'network') ? error.cause : undefined;
  if (!(cause instanceof TypeError) || !isTabserveError(error)) return messageOf(error);
  const reason = messageOf(cause.cause ?? cause);
  return `${error.details.url} could not be fetched: ${reason || cause.message}.`;
}

main().catch((error: unknown) => {
  console.error(`tabserve: ${told(error)}`);
  process.exitCode = error instanceof Misused ? 2 : 1;
});
