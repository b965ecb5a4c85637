/** OpenAI's API, as far as there are models for it: the list of models, and embeddings of texts. */
import { bodyOf, modelNamed, type ServerContext, versionNamed, wishesOf } from '../context.js';
import { embedsTexts } from '../faces.js';
import { json } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Call, ErrorWriter, Route } from '../http/router.js';
import { askFace, questionOfJson } from '../questions.js';
import type { RegisteredModel } from '../registry.js';
import { isObject, parseJson, shown } from '../v2/json.js';

/** Its routes. */
export function openAiRoutes(context: ServerContext): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      handler: () => json({ object: 'list', data: context.registry.list().map(described) }),
      writeError,
    },
    {
      method: 'GET',
      path: '/v1/models/{model}',
      handler: ({ path }) => json(described(modelNamed(context, path.model as string))),
      writeError,
    },
    {
      method: 'POST',
      path: '/v1/embeddings',
      handler: (call) => embeddings(context, call),
      writeError,
    },
  ];
}

function described({ name, versions }: RegisteredModel): object {
  const since = Math.min(...versions.map((each) => each.since));
  return { id: name, object: 'model', created: Math.floor(since / 1000), owned_by: 'tabserve' };
}

async function embeddings(context: ServerContext, call: Call): Promise<Response> {
  const body = parseJson(await bodyOf(context, call));
  if (!isObject(body)) throw new ServerError(400, `The body is ${shown(body)}, not an object.`);
  const { model: name, input, encoding_format: format = 'float', dimensions } = body;
  if (typeof name !== 'string')
    throw new ServerError(400, `"model" is ${shown(name)}; it has to be a model's name.`);
  if (format !== 'float' && format !== 'base64')
    throw new ServerError(
      400,
      `"encoding_format" is ${shown(format)}; it takes "float" or "base64".`,
    );
  const version = versionNamed(context, name, undefined);
  return context.executor.run(version, wishesOf(call), async (execution) => {
    const { model } = execution;
    if (!embedsTexts(model)) {
      throw new ServerError(
        400,
        `The model "${name}" is for ${model.task}, and does not embed texts.`,
      );
    }
    const question = questionOfJson('text', input);
    const answer = await askFace(context.face(model.task), execution, question);
    const vectors = (Array.isArray(answer) ? answer : [answer]) as Float32Array[];
    const length = vectors[0]?.length ?? 0;
    if (dimensions !== undefined && dimensions !== length) {
      throw new ServerError(
        400,
        `"dimensions" is ${shown(dimensions)}; the vectors of "${name}" have ${length}, and are not cut.`,
      );
    }
    return json({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? base64(vector) : vector,
      })),
      model: name,
      usage: { prompt_tokens: execution.tokens(), total_tokens: execution.tokens() },
    });
  });
}

/** Little-endian 32-bit floats. */
function base64(vector: Float32Array): string {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const writeError: ErrorWriter = ({ status, message, headers }) => {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  const code = status === 404 ? 'model_not_found' : null;
  return json({ error: { message, type, param: null, code } }, status, { ...headers });
};
