/**
 * The JSON Schema of `model.json`, made of the checks that tabserve itself does, and of the comments of
 * the types for what editors show. It says what a field may hold. What one field demands of another
 * (`fit` of each task) only tabserve checks.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as TypeScript from '../../tools/docs/node_modules/typescript/lib/typescript.js';
import { boundedSizes } from '../model/manifest-check.js';
import { manifestChecks } from '../tasks/manifests.js';

/** As much of a JSON Schema as is looked at. */
interface Schema {
  [keyword: string]: unknown;
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema | Schema[];
  anyOf?: Schema[];
  required?: string[];
}

/** The interface of each task's manifest, by its place. */
const interfaces: Readonly<Record<string, string>> = {
  'image-classification': 'ModelManifest',
  'image-embedding': 'EmbeddingManifest',
  'object-detection': 'DetectionManifest',
  'image-segmentation': 'SegmentationManifest',
  'audio-classification': 'AudioManifest',
  'text-classification': 'TextClassificationManifest',
  'text-embedding': 'TextEmbeddingManifest',
  tabular: 'TabularManifest',
  tensor: 'TensorManifest',
};

/** @param root - The project's folder. */
export function manifestSchema(root: string): Schema {
  const comments = new Comments(root);
  const definitions: Record<string, Schema> = {};
  for (const { task, schema } of manifestChecks) {
    const { $schema, ...definition } = toJsonSchema(schema, {
      errorMode: 'throw',
      overrideAction: ({ valibotAction, jsonSchema }) => {
        // JSON has no other numbers.
        if (valibotAction.type === 'finite') return jsonSchema;
        const { expects, message } = valibotAction as { expects?: unknown; message?: unknown };
        // A product is beyond JSON Schema.
        if (message === boundedSizes) return jsonSchema;
        if (valibotAction.type === 'check' && (message ?? expects) === 'a number that is not 0') {
          return { ...jsonSchema, not: { const: 0 } };
        }
        return undefined;
      },
    }) as Schema;
    comments.describe(definition, interfaces[task] ?? task, `tasks/${task}/types.ts`);
    definitions[task] = definition;
  }
  const tasks = Object.keys(definitions);
  const [first = ''] = tasks;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'model.json of tabserve',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      task: {
        enum: tasks,
        default: first,
        description: "What the model is for, in the hub's terms.",
      },
    },
    allOf: tasks.map((task) => ({
      if: { properties: { task: { const: task } }, ...(task !== first && { required: ['task'] }) },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { $ref: `#/definitions/${task}` },
    })),
    definitions: {
      ...definitions,
      // Manifests of the first version name no task.
      [first]: {
        ...definitions[first],
        required: definitions[first]?.required?.filter((name) => name !== 'task'),
      },
    },
  };
}

/** The comments of the types in `src/`. */
class Comments {
  readonly #ts: typeof TypeScript;
  readonly #program: TypeScript.Program;
  readonly #checker: TypeScript.TypeChecker;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    // The compiler that TypeDoc has: the project's own has no interface for programs.
    this.#ts = createRequire(join(root, 'tools/docs/package.json'))('typescript');
    this.#program = this.#ts.createProgram([join(root, 'src/index.ts')], {
      strict: true,
      exactOptionalPropertyTypes: true,
      module: this.#ts.ModuleKind.ESNext,
      moduleResolution: this.#ts.ModuleResolutionKind.Bundler,
      target: this.#ts.ScriptTarget.ES2022,
      types: [],
    });
    this.#checker = this.#program.getTypeChecker();
  }

  /** Writes into `schema` what the fields of this interface say of themselves. */
  describe(schema: Schema, name: string, file: string): void {
    const source = this.#program.getSourceFile(join(this.#root, 'src', file));
    const declaration = source?.statements.find(
      (each) => this.#ts.isInterfaceDeclaration(each) && each.name.text === name,
    );
    if (!declaration) throw new Error(`src/${file} has no interface ${name}.`);
    this.#fields(schema, this.#checker.getTypeAtLocation(declaration));
  }

  #fields(schema: Schema, type: TypeScript.Type): void {
    for (const branch of schema.anyOf ?? []) {
      const branches = type.isUnion() ? type.types : [type];
      for (const each of branches) if (this.#fits(branch, each)) this.#fields(branch, each);
    }
    const plain = this.#checker.getNonNullableType(type);
    if (schema.items && !Array.isArray(schema.items)) {
      const element = this.#checker.getIndexTypeOfType(plain, this.#ts.IndexKind.Number);
      if (element) this.#fields(schema.items, element);
    }
    if (typeof schema.additionalProperties === 'object') {
      const value = this.#checker.getIndexTypeOfType(plain, this.#ts.IndexKind.String);
      if (value) this.#fields(schema.additionalProperties, value);
    }
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const symbol = plain.getProperty(name);
      if (!symbol) continue;
      const words = this.#ts.displayPartsToString(symbol.getDocumentationComment(this.#checker));
      const preset = symbol.getJsDocTags(this.#checker).find((tag) => tag.name === 'default');
      const said = [
        words.replaceAll(/\s+/g, ' '),
        preset && `Default: ${this.#ts.displayPartsToString(preset.text)}.`,
      ].filter(Boolean);
      if (said.length > 0) field.description = said.join(' ');
      this.#fields(field, this.#checker.getTypeOfSymbol(symbol));
    }
  }

  /** Whether a variant of a field is of this type: those differ in a field with one value. */
  #fits(branch: Schema, type: TypeScript.Type): boolean {
    if (branch.items) return this.#checker.isArrayType(type);
    return Object.entries(branch.properties ?? {}).every(([name, { const: value }]) => {
      const symbol = type.getProperty(name);
      if (!symbol) return false;
      const found = this.#checker.getTypeOfSymbol(symbol);
      return value === undefined || !found.isLiteral() || found.value === value;
    });
  }
}
