/** Traces, metrics and error reports of one node, behind the ports of the kernel. */
import type { Clock, Random } from '../kernel/clock.ts';
import type { EventBus } from '../kernel/events.ts';
import type { Log } from '../kernel/plugin.ts';
import type { Database, StateStore } from '../kernel/store.ts';
import type { Gauge, Span } from '../kernel/telemetry.ts';
import { createErrorReports } from './error-reports.ts';
import { instrumentDatabase, instrumentStateStore } from './instrument-storage.ts';
import { createMetrics, type Metrics, type Peers } from './metrics.ts';
import { createTracing, type EndRequest } from './tracing.ts';

export interface TelemetryOptions {
  readonly otlpEndpoint: string | undefined;
  readonly serviceName: string;
  readonly tracesRatio: number;
  readonly sentryDsn: string | undefined;
  readonly environment: string;
  readonly release: string;
  /** Of the state store: `redis` or `postgresql`. */
  readonly storeSystem: string;
  /** Names of the domain events, which are counted when they are emitted, not when they are logged. */
  readonly domainEvents: ReadonlySet<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly scrub: (message: string) => string;
  /** Set where several processes share the port. */
  readonly peers: Peers | undefined;
}

export interface Telemetry {
  readonly span: Span;
  readonly metrics: Pick<Metrics, 'text' | 'granted' | 'called'>;
  /** The same log, with the trace in each line; events are counted, unexpected errors reported. */
  listen(log: Log): Log;
  /** The same bus; events are counted. */
  listenToEvents<Bus extends EventBus>(bus: Bus): Bus;
  instrument<Db extends Database>(storage: {
    readonly db: Db;
    readonly store: StateStore;
  }): { readonly db: Db; readonly store: StateStore };
  gauges(gauges: readonly Gauge[]): void;
  /** Measures and traces one request. `work` is told the id of its trace, if there is one. */
  observe(
    request: { readonly method: string; readonly traceparent: string; readonly id: string },
    work: (end: EndRequest, traceId: string | undefined) => Promise<void>,
  ): Promise<void>;
  close(): Promise<void>;
}

interface Fields {
  readonly event?: unknown;
  readonly request_id?: unknown;
  readonly err?: unknown;
}

/** A gauge that throws, or answers what cannot be shown, leaves out itself alone, and is named once. */
function readOr({ name, read, grows }: Gauge, log: Log): () => number | undefined {
  let isFailing = false;
  return () => {
    try {
      const value: unknown = read();
      if (!Number.isFinite(value)) throw new Error(`it answered no number, but ${typeof value}`);
      if (grows && (value as number) < 0) throw new Error('it counts, and answered less than 0');
      isFailing = false;
      return value as number;
    } catch (error) {
      if (!isFailing) log.warn({ event: 'gauge.failed', gauge: name, err: error }, 'not measured');
      isFailing = true;
      return undefined;
    }
  };
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { log: plain, domainEvents } = options;
  const tracing = createTracing({
    endpoint: options.otlpEndpoint,
    serviceName: options.serviceName,
    ratio: options.tracesRatio,
    log: plain,
  });
  const metrics = createMetrics(options.peers);
  const reports = createErrorReports({ ...options, dsn: options.sentryDsn });

  const report = (fields: Fields, message: string): void => {
    if (!(fields.err instanceof Error)) return;
    reports.report({
      error: fields.err,
      event: String(fields.event),
      message,
      requestId: typeof fields.request_id === 'string' ? fields.request_id : undefined,
      trace: tracing.current(),
    });
  };

  return {
    span: tracing.span,
    metrics,

    listen(log) {
      const at =
        (level: keyof Log) =>
        (fields: object, message: string): void => {
          const trace = tracing.current();
          log[level](trace ? { ...fields, trace_id: trace.traceId } : fields, message);
          const { event } = fields as Fields;
          if (typeof event === 'string' && level !== 'debug' && !domainEvents.has(event)) {
            metrics.happened(event);
          }
          if (level === 'error') report(fields, message);
        };
      return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    },

    listenToEvents: (bus) => ({
      ...bus,
      emit: (event, payload) => {
        metrics.happened(event.name);
        bus.emit(event, payload);
      },
    }),

    instrument: ({ db, store }) => ({
      db: instrumentDatabase(db, { span: tracing.span, metrics }),
      store: instrumentStateStore(store, options.storeSystem, { span: tracing.span, metrics }),
    }),

    gauges(gauges) {
      for (const gauge of gauges) metrics.gauge({ ...gauge, read: readOr(gauge, plain) });
    },

    observe(request, work) {
      const started = performance.now();
      return tracing.request(request, (endSpan) =>
        work((route, status) => {
          endSpan(route, status);
          const seconds = (performance.now() - started) / 1000;
          metrics.answered({ method: request.method, route, status, seconds });
        }, tracing.current()?.traceId),
      );
    },

    async close() {
      metrics.close();
      await Promise.all([tracing.close(), reports.close()]);
    },
  };
}
