/**
 * Which special tokens stand around one text, or two: `post_processor` of `tokenizer.json`.
 *
 * Source: tokenizers 0.23, `tokenizers/src/processors/`.
 */
import { TabserveError } from '../../base/errors.js';
import { type Fields, isFields, list, text, unknownPart } from './json.js';

/** A place in an encoding. */
type Piece =
  | { kind: 'special'; ids: readonly number[]; type: number }
  | { kind: 'text'; second: boolean; type: number };

/** How encodings are put together. */
export interface Template {
  /** How many special tokens there are. */
  specials(isPair: boolean): number;
  join(
    first: readonly number[],
    second: readonly number[] | null,
  ): { ids: number[]; typeIds: number[]; specials: boolean[] };
}

/**
 * @param config - `post_processor` of the file.
 * @param idOf - The number of a token.
 * @param where - What messages call the file.
 * @throws TabserveError `unsupported` for a processor that is not known; `model-invalid`.
 */
export function openTemplate(
  config: unknown,
  idOf: (token: string) => number | undefined,
  where: string,
): Template {
  const { single, pair } = piecesOf(config, idOf, where) ?? {
    single: [first],
    pair: [first, { ...first, second: true, type: 1 }],
  };
  return {
    specials: (isPair) =>
      (isPair ? pair : single).reduce(
        (sum, piece) => sum + (piece.kind === 'special' ? piece.ids.length : 0),
        0,
      ),
    join(one, two) {
      const ids: number[] = [];
      const typeIds: number[] = [];
      const specials: boolean[] = [];
      for (const piece of two === null ? single : pair) {
        const added = piece.kind === 'special' ? piece.ids : piece.second ? (two ?? []) : one;
        for (const id of added) {
          ids.push(id);
          typeIds.push(piece.type);
          specials.push(piece.kind === 'special');
        }
      }
      return { ids, typeIds, specials };
    },
  };
}

const first: Piece & { kind: 'text' } = { kind: 'text', second: false, type: 0 };

function piecesOf(
  config: unknown,
  idOf: (token: string) => number | undefined,
  where: string,
): { single: Piece[]; pair: Piece[] } | undefined {
  if (config === null || config === undefined) return undefined;
  if (!isFields(config)) throw unknownPart('post-processor', config, where);
  const special = (value: unknown, type: number): Piece => {
    const [token, given] = Array.isArray(value) ? value : [value];
    const id = Number.isInteger(given) ? (given as number) : idOf(String(token));
    if (id === undefined) throw missing(String(token), where);
    return { kind: 'special', ids: [id], type };
  };
  switch (config.type) {
    case 'ByteLevel':
      // It only moves offsets.
      return undefined;
    case 'Sequence':
      return list(config, 'processors').reduce<ReturnType<typeof piecesOf>>(
        (found, processor) => found ?? piecesOf(processor, idOf, where),
        undefined,
      );
    case 'BertProcessing': {
      const [cls, sep] = [special(config.cls, 0), special(config.sep, 0)];
      return {
        single: [cls, first, sep],
        pair: [cls, first, sep, { ...first, second: true, type: 1 }, { ...sep, type: 1 }],
      };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [special(config.cls, 0), special(config.sep, 0)];
      return {
        single: [cls, first, sep],
        pair: [cls, first, sep, sep, { ...first, second: true }, sep],
      };
    }
    case 'TemplateProcessing': {
      const specials = isFields(config.special_tokens) ? config.special_tokens : {};
      const read = (name: string) =>
        list(config, name).map((piece) => templatePiece(piece, specials, idOf, where));
      return { single: read('single'), pair: read('pair') };
    }
    default:
      throw unknownPart('post-processor', config, where);
  }
}

function templatePiece(
  piece: Fields,
  specials: Fields,
  idOf: (token: string) => number | undefined,
  where: string,
): Piece {
  const typeOf = ({ type_id: type }: Fields) => (Number.isInteger(type) ? (type as number) : 0);
  if (isFields(piece.Sequence)) {
    return { kind: 'text', second: piece.Sequence.id === 'B', type: typeOf(piece.Sequence) };
  }
  if (!isFields(piece.SpecialToken)) throw unknownPart('piece of a template', piece, where);
  const token = text(piece.SpecialToken, 'id') ?? '';
  const known = specials[token];
  const given = isFields(known) && Array.isArray(known.ids) ? known.ids : [idOf(token)];
  const ids = given.filter((id): id is number => Number.isInteger(id));
  if (ids.length !== given.length) throw missing(token, where);
  return { kind: 'special', ids, type: typeOf(piece.SpecialToken) };
}

function missing(token: string, where: string): TabserveError {
  return new TabserveError(
    'model-invalid',
    `The vocabulary in ${where} lacks the special token "${token}".`,
    { details: { file: where, token } },
  );
}
