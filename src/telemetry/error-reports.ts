/** Unexpected errors to Sentry: what failed and where, never with what was sent. */
import {
  createEventEnvelope,
  createStackParser,
  createTransport,
  dsnFromString,
  type Event,
  getEnvelopeEndpointWithUrlEncodedAuth,
} from '@sentry/core';
import { nodeStackLineParser } from '@sentry/core/server';
import type { Clock, Random } from '../kernel/clock.ts';
import type { Log } from '../kernel/plugin.ts';

export interface ErrorReportOptions {
  readonly dsn: string | undefined;
  readonly environment: string;
  readonly release: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes what somebody may have sent out of a message. */
  readonly scrub: (message: string) => string;
}

export interface ErrorReport {
  readonly error: unknown;
  /** Names of the log: `oidc.failed`. */
  readonly event: string;
  readonly message: string;
  readonly requestId: string | undefined;
  readonly trace: { readonly traceId: string; readonly spanId: string } | undefined;
}

export interface ErrorReports {
  /** Never throws and never waits. */
  report(report: ErrorReport): void;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}

const none: ErrorReports = { report: () => undefined, close: async () => undefined };

/** Milliseconds that Sentry has to take one report. */
const TIMEOUT = 3_000;
/** Reports under way at a time; what comes beyond is dropped. */
const BUFFER = 30;

const parseStack = createStackParser(nodeStackLineParser());

/** The error and what caused it, innermost first, as Sentry shows them. */
function exceptionsOf(error: unknown, scrub: (message: string) => string) {
  const values = [];
  for (let one = error, depth = 0; one instanceof Error && depth < 4; one = one.cause, depth += 1) {
    const frames = parseStack(one.stack ?? '').map(
      ({ filename, function: name, lineno, colno, in_app }) => ({
        ...(filename === undefined ? {} : { filename }),
        ...(name === undefined ? {} : { function: name }),
        ...(lineno === undefined ? {} : { lineno }),
        ...(colno === undefined ? {} : { colno }),
        ...(in_app === undefined ? {} : { in_app }),
      }),
    );
    values.unshift({ type: one.name, value: scrub(one.message), stacktrace: { frames } });
  }
  return values;
}

export function createErrorReports(options: ErrorReportOptions): ErrorReports {
  const { environment, release, clock, random, log, scrub } = options;
  const dsn = options.dsn === undefined ? undefined : dsnFromString(options.dsn);
  if (!dsn) return none;
  const url = getEnvelopeEndpointWithUrlEncodedAuth(dsn);
  const transport = createTransport(
    { bufferSize: BUFFER, recordDroppedEvent: () => undefined },
    async ({ body }) => {
      const response = await fetch(url, {
        method: 'POST',
        body: body as string,
        redirect: 'error',
        headers: { 'content-type': 'application/x-sentry-envelope' },
        signal: AbortSignal.timeout(TIMEOUT),
      });
      await response.body?.cancel();
      return {
        statusCode: response.status,
        headers: {
          'x-sentry-rate-limits': response.headers.get('X-Sentry-Rate-Limits'),
          'retry-after': response.headers.get('Retry-After'),
        },
      };
    },
  );
  let isLost = false;

  const toEvent = ({ error, event, message, requestId, trace }: ErrorReport): Event => ({
    event_id: random.uuid().replaceAll('-', ''),
    timestamp: clock.now() / 1000,
    platform: 'node',
    level: 'error',
    logger: event,
    message,
    environment,
    release,
    tags: { event, ...(requestId === undefined ? {} : { request_id: requestId }) },
    ...(trace ? { contexts: { trace: { trace_id: trace.traceId, span_id: trace.spanId } } } : {}),
    exception: { values: exceptionsOf(error, scrub) },
  });

  return {
    report(report) {
      Promise.resolve(transport.send(createEventEnvelope(toEvent(report), dsn))).then(
        () => {
          isLost = false;
        },
        (error: unknown) => {
          // At most one line until one arrives again; a warning, so that it reports nothing itself.
          if (!isLost) log.warn({ event: 'reports.lost', err: error }, 'Sentry cannot be reached');
          isLost = true;
        },
      );
    },
    close: async () => void (await transport.flush(2_000)),
  };
}
