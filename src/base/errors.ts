/**
 * The one error class of tabserve, and the plain record in which it crosses the worker boundary.
 *
 * Structured clone keeps neither the class of an error nor its own properties, so errors travel as
 * {@link ErrorRecord} and are rebuilt on the other side with nothing lost.
 */

/**
 * Every `code` a {@link TabserveError} can have. Codes are stable: they are the part of an error
 * that programs may rely on; messages are for people and may change.
 */
export const errorCodes = [
  /** The caller's `timeout` ran out. */
  'timeout',
  /** More requests are waiting than the queue may hold. */
  'queue-full',
  /** The browser refused to start the worker (usually a Content-Security-Policy). */
  'worker-blocked',
  /** The worker died or stopped answering. */
  'worker-crashed',
  /** The GPU device was lost (driver reset, sleep, another page). */
  'device-lost',
  /** WebAssembly or GPU memory could not be allocated. */
  'out-of-memory',
  /** The model's name is not in the catalogue, or its address answers 404. */
  'model-not-found',
  /** `model.json` does not describe a model. */
  'manifest-invalid',
  /** The bytes are not an ONNX model that this engine can run, or do not fit the manifest. */
  'model-invalid',
  /** Bytes differ from the sha256 or the size that the manifest promises. */
  'integrity',
  /** The model is encrypted, and the page gave no key. */
  'key-missing',
  /** The key that the page gave is not the one that the model was encrypted with. */
  'key-wrong',
  /** The time is over for which the model, or its key, was given. */
  'key-expired',
  /** The page takes signed models only, and this one is not signed by whom it should be. */
  'signature-invalid',
  /** A download failed. */
  'network',
  /** The page may not read the image's pixels (cross-origin without CORS). */
  'image-tainted',
  /** The bytes are not an image that this browser can decode, or the source has no pixels. */
  'image-undecodable',
  /** The source has no picture yet, such as a video before its first frame. */
  'image-not-ready',
  /** The image has more pixels than `maxPixels`. */
  'image-too-large',
  /** The bytes are not a sound that this browser can decode, or the source has too few samples. */
  'audio-undecodable',
  /** The sound is longer than may be decoded at once. */
  'audio-too-long',
  /** An argument has a wrong type or value. */
  'invalid-argument',
  /** This browser lacks something that was asked for by name. */
  'unsupported',
  /** The classifier was destroyed. */
  'destroyed',
  /** A defect of tabserve itself; please report it. */
  'internal',
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** Facts about a failure, by name: URLs, field paths, values found and expected. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** Options of the {@link TabserveError} constructor. */
export interface TabserveErrorOptions {
  /** The error that led to this one. */
  cause?: unknown;
  /** Facts for programs and logs. @default {} */
  details?: ErrorDetails;
  /** Whether the same call can succeed later without a change. @default by code */
  retryable?: boolean;
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'timeout',
  'queue-full',
  'worker-crashed',
  'device-lost',
  'out-of-memory',
  'network',
  'image-not-ready',
]);

/**
 * What every call of tabserve rejects with, but for aborts: those reject with `signal.reason`, as
 * the platform's own functions do.
 */
export class TabserveError extends Error {
  override readonly name = 'TabserveError';
  /** What happened, for programs. */
  readonly code: ErrorCode;
  /** Whether the same call can succeed later without a change. */
  readonly retryable: boolean;
  /** Facts about the failure, by name. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: TabserveErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? retryableCodes.has(code);
    this.details = options.details ?? {};
  }

  /**
   * Where the documentation tells of the code's causes and cures: a path within the package, such as
   * `docs/errors.md#timeout`.
   */
  get help(): string {
    return `docs/errors.md#${this.code}`;
  }

  /** The same error with more facts: same code, message, stack and cause. */
  with(details: ErrorDetails): TabserveError {
    const error = new TabserveError(this.code, this.message, {
      ...(this.cause !== undefined && { cause: this.cause }),
      details: { ...this.details, ...details },
      retryable: this.retryable,
    });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }
}

/**
 * Whether `error` is a {@link TabserveError}, of code `code` if one is given.
 *
 * Unlike `instanceof` it also recognises errors of another realm (an iframe) or of a second copy of
 * tabserve on the page.
 */
export function isTabserveError(error: unknown, code?: ErrorCode): error is TabserveError {
  return (
    isErrorObject(error) &&
    error.name === 'TabserveError' &&
    'code' in error &&
    (errorCodes as readonly unknown[]).includes(error.code) &&
    (code === undefined || error.code === code)
  );
}

/** A {@link TabserveError}, or any other error, as data that survives structured clone. */
export interface ErrorRecord {
  name: string;
  message: string;
  stack?: string;
  /** Present when the error is a {@link TabserveError}. */
  code?: ErrorCode;
  retryable?: boolean;
  details?: ErrorDetails;
  cause?: ErrorRecord;
}

/** How many causes of causes an {@link ErrorRecord} keeps; a guard against cycles. */
const maxCauses = 8;

/** Writes any thrown value down as a plain record. Inverse of {@link fromErrorRecord}. */
export function toErrorRecord(thrown: unknown, depth = 0): ErrorRecord {
  const isError = thrown instanceof Error || thrown instanceof DOMException;
  const record: ErrorRecord = isError
    ? { name: thrown.name, message: thrown.message }
    : { name: 'Error', message: textOf(thrown) };
  if (isError && thrown.stack !== undefined) record.stack = thrown.stack;
  if (isTabserveError(thrown)) {
    record.code = thrown.code;
    record.retryable = thrown.retryable;
    record.details = thrown.details;
  }
  const cause = isError && 'cause' in thrown ? thrown.cause : undefined;
  if (cause !== undefined && depth < maxCauses) record.cause = toErrorRecord(cause, depth + 1);
  return record;
}

/** Rebuilds the error that {@link toErrorRecord} wrote down, with class, code, cause and stack. */
export function fromErrorRecord(record: ErrorRecord): Error {
  const cause = record.cause === undefined ? {} : { cause: fromErrorRecord(record.cause) };
  let error: Error;
  if (record.code === undefined) {
    error = new Error(record.message, cause);
    error.name = record.name;
  } else {
    error = new TabserveError(record.code, record.message, {
      ...cause,
      ...(record.details && { details: record.details }),
      ...(record.retryable !== undefined && { retryable: record.retryable }),
    });
  }
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}

/** Returns `thrown` if it already is a {@link TabserveError}, else wraps it as the cause of one. */
export function asTabserveError(
  thrown: unknown,
  code: ErrorCode,
  message: string,
  details?: ErrorDetails,
): TabserveError {
  if (isTabserveError(thrown)) return thrown;
  return new TabserveError(code, message, { cause: thrown, ...(details && { details }) });
}

/** Whether it is an error of this realm or another; the tag of its class is the same in all. */
function isErrorObject(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** The message of an error, or the text of any other thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error || thrown instanceof DOMException
    ? thrown.message
    : textOf(thrown);
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
