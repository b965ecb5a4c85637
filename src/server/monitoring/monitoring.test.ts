/** Metrics, spans and measures of requests to a graph in the real engine. */
import { beforeAll, describe, expect, it } from 'vitest';
import { GraphModel } from '../../testing/graph-model.js';
import { ModelServer } from '../model-server.js';
import { Histogram } from '../statistics.js';
import { exposition } from './exposition.js';
import type { Span } from './tracing.js';

const x = { name: 'x', shape: [2, 4], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6, 7, 8] };

/** A tracer that remembers. */
class MemoryTracer {
  readonly spans: {
    name: string;
    attributes: Record<string, unknown>;
    status: { code: number } | undefined;
    isEnded: boolean;
  }[] = [];

  startSpan(name: string, { attributes }: { attributes: Record<string, unknown> }): Span {
    const span: MemoryTracer['spans'][number] = {
      name,
      attributes: { ...attributes },
      status: undefined,
      isEnded: false,
    };
    this.spans.push(span);
    return {
      setAttribute: (key, value) => {
        span.attributes[key] = value;
      },
      setStatus: (status) => {
        span.status = status;
      },
      end: () => {
        span.isEnded = true;
      },
    };
  }
}

describe('a server that was asked', () => {
  const tracer = new MemoryTracer();
  const server = new ModelServer({ tracer });
  const measures: PerformanceMeasure[] = [];
  let text: string;

  beforeAll(async () => {
    const observer = new PerformanceObserver((list) => {
      measures.push(...(list.getEntries() as PerformanceMeasure[]));
    });
    observer.observe({ entryTypes: ['measure'] });
    await server.register('affine', () => GraphModel.open('affine'));
    const ask = (path: string, body?: object, headers = {}) =>
      server.handle(
        new Request(`http://page.test${path}`, {
          headers,
          ...(body && { method: 'POST', body: JSON.stringify(body) }),
        }),
      );
    const infer = '/v2/models/affine/infer';
    for (let i = 0; i < 3; i++) await ask(infer, { inputs: [x] }, { traceparent: '00-aa-bb-01' });
    await ask(infer, { inputs: [] });
    text = await (await ask('/metrics')).text();
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.disconnect();
  });

  const labels = '{model="affine",version="1"}';

  it.each([
    `nv_inference_request_success${labels} 3`,
    `nv_inference_request_failure{model="affine",version="1",reason="OTHER"} 1`,
    `nv_inference_count${labels} 6`,
    `nv_inference_exec_count${labels} 3`,
    `nv_inference_pending_request_count${labels} 0`,
    `tabserve_model_ready${labels} 1`,
    'request_predict_seconds_count{model_name="affine",model_version="1"} 3',
    'request_predict_seconds_bucket{model_name="affine",model_version="1",le="+Inf"} 3',
    'tabserve_request_stage_seconds_count{model="affine",version="1",stage="total"} 3',
    'tabserve_http_requests_total{method="POST",code="200"} 3',
    'tabserve_http_requests_total{method="POST",code="400"} 1',
  ])('has the metric %s', (line) => expect(text.split('\n')).toContain(line));

  it('has durations that grow with the work', () => {
    const value = (name: string) => Number(new RegExp(`^${name}{.*} (\\d+)$`, 'm').exec(text)?.[1]);
    const total = value('nv_inference_request_duration_us');
    const parts = ['compute_input', 'compute_infer', 'compute_output', 'queue'].map((part) =>
      value(`nv_inference_${part}_duration_us`),
    );
    expect(total).toBeGreaterThan(0);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBeLessThanOrEqual(total + 4);
  });

  it('has a span for every request, and one for every model that was asked', () => {
    const { spans } = tracer;
    expect(spans.every(({ isEnded }) => isEnded)).toBe(true);
    expect(spans.filter(({ name }) => name === 'tabserve.infer')).toHaveLength(4);
    expect(spans[0]).toMatchObject({
      name: 'POST',
      attributes: {
        'http.request.method': 'POST',
        'url.path': '/v2/models/affine/infer',
        'http.response.status_code': 200,
        'tabserve.traceparent': '00-aa-bb-01',
      },
    });
    const failed = spans.filter(({ status }) => status?.code === 2);
    expect(failed.map(({ name }) => name)).toEqual(['tabserve.infer']);
  });

  it('has a measure for every model that was asked, which the buffer does not keep', () => {
    const own = measures.filter(({ name }) => name === 'tabserve affine');
    expect(own).toHaveLength(4);
    expect(own[0]?.detail).toMatchObject({
      model: 'affine',
      timings: { total: expect.any(Number) },
    });
    expect(performance.getEntriesByName('tabserve affine')).toEqual([]);
  });
});

it('writes the text format', () => {
  const histogram = new Histogram();
  for (const time of [0.5, 3, 3, 20_000]) histogram.add(time);
  const text = exposition([
    {
      name: 'a_total',
      help: 'With \\ and\na new line.',
      type: 'counter',
      samples: [{ labels: { of: 'a "b"\\\n' }, value: 2 }],
    },
    { name: 'nothing', help: 'Is left out.', type: 'gauge', samples: [] },
    { name: 'b_seconds', help: 'B.', type: 'histogram', samples: [{ labels: {}, histogram }] },
  ]);
  const lines = text.split('\n');
  expect(lines.slice(0, 3)).toEqual([
    '# HELP a_total With \\\\ and\\na new line.',
    '# TYPE a_total counter',
    'a_total{of="a \\"b\\"\\\\\\n"} 2',
  ]);
  expect(text).not.toContain('nothing');
  expect(lines).toContain('b_seconds_bucket{le="0.0005"} 1');
  expect(lines).toContain('b_seconds_bucket{le="0.005"} 3');
  expect(lines).toContain('b_seconds_bucket{le="10"} 3');
  expect(lines).toContain('b_seconds_bucket{le="+Inf"} 4');
  expect(lines).toContain('b_seconds_sum 20.0065');
});
