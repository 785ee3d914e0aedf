/** Traces by OpenTelemetry to an OTLP endpoint, such as Jaeger's. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Log } from '../kernel/plugin.ts';
import { noSpan, type Span } from '../kernel/telemetry.ts';

export interface TracingOptions {
  /** Of OTLP over HTTP, without `/v1/traces`; undefined: no traces. */
  readonly endpoint: string | undefined;
  readonly serviceName: string;
  /** Part of the requests that are traced, 0 to 1. */
  readonly ratio: number;
  readonly log: Log;
}

/** Told when the answer is known. */
export type EndRequest = (route: string, status: number) => void;

export interface Tracing {
  readonly span: Span;
  /** The span of a whole request; `traceparent` (W3C Trace Context) says which trace it belongs to. */
  request<Result>(
    request: { readonly method: string; readonly traceparent: string; readonly id: string },
    work: (end: EndRequest) => Promise<Result>,
  ): Promise<Result>;
  /** Ids of the span under way, for logs and reports. */
  current(): { readonly traceId: string; readonly spanId: string } | undefined;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}

export const noTracing: Tracing = {
  span: noSpan,
  request: (_request, work) => work(() => undefined),
  current: () => undefined,
  close: async () => undefined,
};

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;

/** Which trace to go on with. Whether it is sampled we decide ourselves: a client could have everything traced. */
function parentOf(traceparent: string): Context {
  const [, traceId, spanId] = TRACEPARENT.exec(traceparent) ?? [];
  if (!traceId || !spanId) return ROOT_CONTEXT;
  const context: SpanContext = { traceId, spanId, traceFlags: 0, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, context);
}

/** Says once that traces are lost, and once that they arrive again: a lost collector must not fill the log. */
function complaining(exporter: SpanExporter, log: Log): SpanExporter {
  let isLost = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== 0;
        if (failed && !isLost) {
          const reason = result.error?.message ?? 'unknown';
          log.warn({ event: 'traces.lost', reason }, 'traces do not reach their endpoint');
        }
        if (!failed && isLost) log.info({ event: 'traces.back' }, 'traces are sent again');
        isLost = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

export function createTracing({ endpoint, serviceName, ratio, log }: TracingOptions): Tracing {
  if (endpoint === undefined) return noTracing;
  const byRatio = new TraceIdRatioBasedSampler(ratio);
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    sampler: new ParentBasedSampler({
      root: byRatio,
      remoteParentSampled: byRatio,
      remoteParentNotSampled: byRatio,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: complaining(new OTLPTraceExporter({ url, timeoutMillis: 5_000 }), log),
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: 5_000,
      }),
    ],
  });
  const tracer = provider.getTracer('auth-service');
  const active = new AsyncLocalStorage<OtelSpan>();

  const run = async <Result>(
    span: OtelSpan,
    work: (span: OtelSpan) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await active.run(span, () => work(span));
    } catch (error) {
      // Its name only: messages may quote what somebody sent.
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
      throw error;
    } finally {
      span.end();
    }
  };

  return {
    span(name, attributes, work) {
      const parent = active.getStore();
      // Housekeeping belongs to no request and would be most of what is collected.
      if (!parent) return work();
      const context = trace.setSpan(ROOT_CONTEXT, parent);
      return run(tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context), work);
    },

    request({ method, traceparent, id }, work) {
      const attributes = { 'http.request.method': method, 'auth.request_id': id };
      const options = { kind: SpanKind.SERVER, attributes };
      const started = tracer.startSpan(method, options, parentOf(traceparent));
      return run(started, (span) =>
        work((route, status) => {
          span.updateName(`${method} ${route}`);
          span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        }),
      );
    },

    current: () => active.getStore()?.spanContext(),

    async close() {
      const patience = Promise.withResolvers<void>();
      const timer = setTimeout(patience.resolve, 2_000);
      await Promise.race([provider.shutdown().catch(() => undefined), patience.promise]);
      clearTimeout(timer);
    },
  };
}
