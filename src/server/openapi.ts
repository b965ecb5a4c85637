/** The server's OpenAPI document. */
import type { ServerContext } from './context.js';
import { deadlineHeader } from './context.js';
import { json, writeError } from './http/body.js';
import type { Route } from './http/router.js';

/** Its route. */
export function openApiRoutes({ name, version }: ServerContext): Route[] {
  const handler = () => json(openApi(name, version));
  return [{ method: 'GET', path: '/v2/openapi.json', handler, writeError }];
}

const parameter = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
});
const model = parameter('model', 'The name under which the model is registered.');
const modelVersion = parameter('version', 'One of its versions.');
const region = parameter('region', 'A region of memory.');
const repository = parameter('repository', 'Any name: there is one repository.');
const task = parameter('task', "The model's task, by the hub's name.");
const deadline = {
  name: deadlineHeader,
  in: 'header',
  description: 'How long an answer is useful, in milliseconds. After that the server answers 504.',
  schema: { type: 'number', exclusiveMinimum: 0 },
};
const headerLength = {
  name: 'Inference-Header-Content-Length',
  in: 'header',
  description: 'Bytes of the JSON at the beginning of the body, uncompressed; tensors follow it.',
  schema: { type: 'integer', minimum: 1 },
};

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: object, type = 'application/json') => ({ [type]: { schema } });
const ok = (schema: object, description = 'Done.') => ({
  200: { description, content: content(schema) },
  default: { $ref: '#/components/responses/Error' },
});
const anything = {};
const binary = { type: 'string', format: 'binary' };

interface Operation {
  summary: string;
  parameters?: object[];
  requestBody?: object;
  responses: object;
}

/** An operation with and without a version in its path. */
function versions(path: string, method: string, operation: Operation): [string, object][] {
  const { parameters = [] } = operation;
  return [
    [
      `/v2/models/{model}${path}`,
      { [method]: { ...operation, parameters: [model, ...parameters] } },
    ],
    [
      `/v2/models/{model}/versions/{version}${path}`,
      { [method]: { ...operation, parameters: [model, modelVersion, ...parameters] } },
    ],
  ];
}

const get = (path: string, summary: string, schema: object, ...parameters: object[]) =>
  [path, { get: { summary, parameters, responses: ok(schema) } }] as [string, object];
const post = (
  path: string,
  summary: string,
  schema: object,
  body: object,
  ...parameters: object[]
) =>
  [
    path,
    {
      post: {
        summary,
        parameters,
        requestBody: { content: content(body) },
        responses: ok(schema),
      },
    },
  ] as [string, object];

/** What a model is asked with, in any of its forms. */
const inferOperation: Operation = {
  summary: 'Asks a model: with tensors, or with a picture, sound or text under its own media type',
  parameters: [deadline, headerLength],
  requestBody: {
    required: true,
    content: {
      ...content(ref('InferRequest')),
      ...content(binary, 'application/octet-stream'),
      ...content(binary, 'image/*'),
      ...content(binary, 'audio/*'),
      ...content({ type: 'string' }, 'text/plain'),
    },
  },
  responses: {
    200: {
      description: 'The outputs as tensors; or the result of the task.',
      content: {
        ...content({ oneOf: [ref('InferResponse'), ref('TaskResult')] }),
        ...content(binary, 'application/octet-stream'),
      },
    },
    default: { $ref: '#/components/responses/Error' },
  },
};

const paths = (): Record<string, Record<string, object>> => {
  const all: [string, object][] = [
    get('/v2/health/live', 'Whether the server is there', ref('Live')),
    get('/v2/health/ready', 'Whether no model is loading', ref('Ready')),
    get('/v2', 'What the server is', ref('ServerMetadata')),
    get('/v2/openapi.json', 'This document', { type: 'object' }),
    ...versions('', 'get', { summary: 'What a model is', responses: ok(ref('ModelMetadata')) }),
    ...versions('/ready', 'get', {
      summary: 'Whether a model answers at once',
      responses: ok(ref('Ready')),
    }),
    ...versions('/config', 'get', {
      summary: "A model's configuration, as Triton shows it",
      responses: ok({ type: 'object' }),
    }),
    ...versions('/stats', 'get', {
      summary: 'What a model has done',
      responses: ok(ref('Statistics')),
    }),
    get('/v2/models/stats', 'What all models have done', ref('Statistics')),
    ...versions('/infer', 'post', inferOperation),
    ...['/v2/repository', '/v2/repository/{repository}'].flatMap((base) => {
      const more = base.endsWith('}') ? [repository] : [];
      return [
        post(`${base}/index`, 'Which models there are', ref('Index'), ref('IndexRequest'), ...more),
        post(
          `${base}/models/{model}/load`,
          'Loads a model',
          anything,
          { type: 'object' },
          ...more,
          model,
        ),
        post(
          `${base}/models/{model}/unload`,
          'Unloads a model',
          anything,
          { type: 'object' },
          ...more,
          model,
        ),
      ];
    }),
    ...['system', 'cuda'].flatMap((kind) => {
      const base = `/v2/${kind}sharedmemory`;
      const object = { type: 'object' };
      return [
        get(`${base}/status`, 'There is no shared memory', { type: 'array', items: object }),
        get(`${base}/region/{region}/status`, 'There is none', object, region),
        post(`${base}/region/{region}/register`, 'Is refused', object, object, region),
        post(`${base}/region/{region}/unregister`, 'There is none', object, object, region),
        post(`${base}/unregister`, 'There is none', object, object),
      ];
    }),
    get('/v2/trace/setting', 'Nothing is traced to files', { type: 'object' }),
    post('/v2/trace/setting', 'Is refused', { type: 'object' }, { type: 'object' }),
    get(
      '/v2/models/{model}/trace/setting',
      'Nothing is traced to files',
      { type: 'object' },
      model,
    ),
    post(
      '/v2/models/{model}/trace/setting',
      'Is refused',
      { type: 'object' },
      { type: 'object' },
      model,
    ),
    get('/v2/logging', 'Nothing is logged to files', { type: 'object' }),
    post('/v2/logging', 'Is refused', { type: 'object' }, { type: 'object' }),
    [
      '/metrics',
      {
        get: {
          summary: "Metrics in Prometheus' text format",
          responses: {
            200: { description: 'Metrics.', content: content({ type: 'string' }, 'text/plain') },
          },
        },
      },
    ],
    get('/ping', "TorchServe's health", { type: 'object' }),
    ...['/predictions/{model}', '/predictions/{model}/{version}'].flatMap(
      (path): [string, object][] => {
        const more = path.endsWith('{version}') ? [model, modelVersion] : [model];
        const operation = {
          summary: "TorchServe's form of asking a model",
          parameters: [...more, deadline],
          requestBody: {
            required: true,
            content: { ...content(anything), ...content(binary, '*/*') },
          },
          responses: ok(anything),
        };
        return [
          [path, { post: operation }],
          [path, { put: operation }],
        ];
      },
    ),
    post(
      '/explanations/{model}',
      'Why the model answers as it does, where the server has an explainer',
      anything,
      anything,
      model,
    ),
    post(
      '/explanations/{model}/{version}',
      'Why the model answers as it does, where the server has an explainer',
      anything,
      anything,
      model,
      modelVersion,
    ),
    get('/models', "TorchServe's list of models", { type: 'object' }),
    post('/models', 'Is refused: the page registers models', anything, anything),
    ...['/models/{model}', '/models/{model}/{version}'].flatMap((path): [string, object][] => {
      const more = path.endsWith('{version}') ? [model, modelVersion] : [model];
      const operation = (summary: string) => ({
        summary,
        parameters: more,
        responses: ok(anything),
      });
      return [
        [path, { get: operation("TorchServe's description of a model") }],
        [
          path,
          {
            put: {
              ...operation('Scales a model'),
              parameters: [
                ...more,
                {
                  name: 'min_worker',
                  in: 'query',
                  schema: { type: 'integer', minimum: 0, maximum: 16 },
                },
                { name: 'synchronous', in: 'query', schema: { type: 'boolean' } },
              ],
            },
          },
        ],
        [path, { delete: operation('Removes a model') }],
      ];
    }),
    [
      '/models/{model}/{version}/set-default',
      {
        put: {
          summary: 'Makes a version the default one',
          parameters: [model, modelVersion],
          responses: ok(anything),
        },
      },
    ],
    post(
      '/models/{model}',
      "Hugging Face's form of asking a model",
      anything,
      ref('HubRequest'),
      model,
      deadline,
    ),
    post(
      '/pipeline/{task}/{model}',
      "Hugging Face's form, with the task",
      anything,
      ref('HubRequest'),
      task,
      model,
      deadline,
    ),
    get('/v1/models', "OpenAI's list of models", { type: 'object' }),
    get('/v1/models/{model}', "OpenAI's description of a model", { type: 'object' }, model),
    post(
      '/v1/embeddings',
      "OpenAI's form of embedding texts",
      { type: 'object' },
      ref('EmbeddingsRequest'),
      deadline,
    ),
    post('/predict', 'Asks a model of tables', anything, ref('PredictRequest'), deadline),
  ];
  const merged: Record<string, Record<string, object>> = {};
  for (const [path, operations] of all) merged[path] = { ...merged[path], ...operations };
  return merged;
};

const string = { type: 'string' };
const strings = { type: 'array', items: string };
const shape = { type: 'array', maxItems: 16, items: { type: 'integer', minimum: 0 } };
const parameters = { type: 'object', additionalProperties: true };
const datatype = {
  type: 'string',
  enum: [
    'BOOL',
    'UINT8',
    'UINT16',
    'UINT32',
    'UINT64',
    'INT8',
    'INT16',
    'INT32',
    'INT64',
    'FP16',
    'FP32',
    'FP64',
    'BYTES',
  ],
};
const tensorMetadata = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'datatype', 'shape'],
    properties: {
      name: string,
      datatype: string,
      shape: { type: 'array', items: { type: 'integer' } },
    },
  },
};
const object = (required: string[], properties: object) => ({
  type: 'object',
  required,
  properties,
});

const schemas = {
  Error: object(['error'], { error: string }),
  Live: object(['live'], { live: { type: 'boolean' } }),
  Ready: object(['ready'], { ready: { type: 'boolean' }, name: string }),
  ServerMetadata: object(['name', 'version', 'extensions'], {
    name: string,
    version: string,
    extensions: strings,
  }),
  ModelMetadata: object(['name', 'platform', 'inputs', 'outputs'], {
    name: string,
    versions: strings,
    platform: string,
    inputs: tensorMetadata,
    outputs: tensorMetadata,
  }),
  InferRequest: object(['inputs'], {
    id: string,
    parameters,
    inputs: {
      type: 'array',
      items: object(['name', 'shape', 'datatype'], {
        name: string,
        shape,
        datatype,
        parameters,
        data: { type: 'array' },
      }),
    },
    outputs: { type: 'array', items: object(['name'], { name: string, parameters }) },
  }),
  InferResponse: object(['model_name', 'outputs'], {
    id: string,
    model_name: string,
    model_version: string,
    parameters,
    outputs: {
      type: 'array',
      items: object(['name', 'shape', 'datatype'], {
        name: string,
        shape,
        datatype,
        parameters,
        data: { type: 'array' },
      }),
    },
  }),
  TaskResult: object(['model_name', 'task', 'result'], {
    model_name: string,
    model_version: string,
    task: string,
    result: anything,
  }),
  Statistics: object(['model_stats'], {
    model_stats: { type: 'array', items: { type: 'object' } },
  }),
  IndexRequest: { type: 'object', properties: { ready: { type: 'boolean' } } },
  Index: {
    type: 'array',
    items: object(['name'], {
      name: string,
      version: string,
      state: { type: 'string', enum: ['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE'] },
      reason: string,
    }),
  },
  HubRequest: object(['inputs'], { inputs: anything, parameters }),
  EmbeddingsRequest: object(['model', 'input'], {
    model: string,
    input: { oneOf: [string, strings] },
    encoding_format: { type: 'string', enum: ['float', 'base64'] },
  }),
  PredictRequest: object(['X'], { X: { type: 'array' } }),
};

function openApi(title: string, version: string): object {
  return {
    openapi: '3.1.0',
    info: { title, version, description: 'Models in a page, by the Open Inference Protocol V2.' },
    paths: paths(),
    components: {
      schemas,
      responses: {
        Error: { description: 'What was wrong.', content: content(ref('Error')) },
      },
    },
  };
}
