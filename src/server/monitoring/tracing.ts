/** Requests as spans of OpenTelemetry, and as measures in the browser's profiler. */
import type { Executed } from '../execution.js';
import type { ServerError } from '../http/errors.js';
import type { ModelVersion } from '../model-version.js';
import type { Timings } from '../statistics.js';

/** A span, as far as it is used: that of `@opentelemetry/api` fits. */
export interface Span {
  /** Notes a fact, under a name of OpenTelemetry's conventions. */
  setAttribute(name: string, value: string | number | boolean): unknown;
  /** Says how it went: `code` 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends it, now or at this time, in milliseconds since 1970. */
  end(endTime?: number): void;
}

/** A tracer, as far as it is used: `trace.getTracer('…')` of `@opentelemetry/api` fits. */
export interface Tracer {
  /** Begins a span. `kind` is 0 for internal work, and 1 for a request that is served. */
  startSpan(
    name: string,
    options: { kind: number; attributes: Record<string, string | number | boolean> },
  ): Span;
}

/** OpenTelemetry's `SpanKind.SERVER`, `SpanKind.INTERNAL` and `SpanStatusCode.ERROR`. */
const kind = { internal: 0, server: 1 };
const errorStatus = 2;

/** Milliseconds after an answer until it is measured, so that whoever waits for it does not wait for that. */
const measureDelay = 5;

/** Where a request ends. */
export interface OpenSpan {
  end(status: number): void;
}

/** Writes spans and measures. */
export class SpanWriter {
  readonly #tracer: Tracer | null;

  constructor(tracer: Tracer | null) {
    this.#tracer = tracer;
  }

  /** A request has come. Names are those of OpenTelemetry's conventions for HTTP. */
  start({ method, url, headers }: Request): OpenSpan {
    if (!this.#tracer) return { end: () => undefined };
    const traceparent = headers.get('traceparent');
    const span = this.#tracer.startSpan(method, {
      kind: kind.server,
      attributes: {
        'http.request.method': method,
        'url.path': new URL(url).pathname,
        ...(traceparent !== null && { 'tabserve.traceparent': traceparent }),
      },
    });
    return {
      end(status) {
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) span.setStatus({ code: errorStatus, message: String(status) });
        span.end();
      },
    };
  }

  /** A model has answered, or failed to. */
  executed({ version, error, timings, began }: Executed): void {
    const end = performance.now();
    setTimeout(() => measure(version, error, timings, began, end), measureDelay);
    if (!this.#tracer) return;
    const span = this.#tracer.startSpan('tabserve.infer', {
      kind: kind.internal,
      attributes: { 'tabserve.model': version.name, 'tabserve.version': version.version },
    });
    for (const [stage, time] of Object.entries(timings))
      span.setAttribute(`tabserve.${stage}_ms`, time);
    if (error) span.setStatus({ code: errorStatus, message: error.message });
    span.end();
  }
}

function measure(
  { name: model, version }: ModelVersion,
  error: ServerError | null,
  timings: Timings,
  start: number,
  end: number,
): void {
  const name = `tabserve ${model}`;
  performance.measure(name, {
    start,
    end,
    detail: {
      model,
      version,
      timings,
      error: error?.message ?? null,
      devtools: { dataType: 'track-entry', track: 'tabserve', tooltipText: model },
    },
  });
  // Observers and profilers have it; the page's buffer would only grow.
  performance.clearMeasures(name);
}
