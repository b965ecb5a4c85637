/** The little endpoint at the end of every tutorial: `POST /predict {"X": [[…]]}`. */
import { bodyOf, type ServerContext, versionNamed, wishesOf } from '../context.js';
import { json, writeError } from '../http/body.js';
import { ServerError } from '../http/errors.js';
import type { Call, Route } from '../http/router.js';
import { askFace, questionOfJson } from '../questions.js';
import { isObject, parseJson, shown } from '../v2/json.js';

/** Its route. `?model=` names a model where several take rows. */
export function predictRoutes(context: ServerContext): Route[] {
  return [
    { method: 'POST', path: '/predict', handler: (call) => predict(context, call), writeError },
  ];
}

async function predict(context: ServerContext, call: Call): Promise<Response> {
  const version = versionNamed(context, rowsModel(context, call), undefined);
  return context.executor.run(version, wishesOf(call), async (execution) => {
    const face = context.face(execution.model.task);
    const body = parseJson(await bodyOf(context, call));
    if (!isObject(body) || body.X === undefined)
      throw new ServerError(400, `The body is ${shown(body)}; it has to be {"X": [[…], …]}.`);
    return json(await askFace(face, execution, questionOfJson('rows', body.X)));
  });
}

/** The model that is meant: the one that is named, or the only one of its kind. */
function rowsModel({ registry, face }: ServerContext, { url }: Call): string {
  const named = url.searchParams.get('model');
  if (named !== null) return named;
  const fitting = registry.list().filter(({ name }) => {
    const task = registry.version(name)?.model?.task;
    return task !== undefined && face(task)?.kind === 'rows';
  });
  const [only, ...more] = fitting;
  if (only && more.length === 0) return only.name;
  const names = fitting.map(({ name }) => name).join(', ') || 'none';
  throw new ServerError(
    fitting.length === 0 ? 404 : 400,
    `Name the model, as "?model=…": these take rows: ${names}.`,
  );
}
