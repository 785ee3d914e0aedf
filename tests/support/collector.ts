/** Where telemetry goes: an OTLP endpoint and a Sentry ingest endpoint, on a real socket. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly failed: boolean;
}

export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** For SENTRY_DSN. */
  readonly dsn: string;
  readonly spans: readonly CollectedSpan[];
  /** Events as they came, parsed. */
  readonly reports: readonly Record<string, unknown>[];
  /** Every body, as text. */
  readonly bodies: readonly string[];
  /** `hang`: takes requests and never answers. */
  mode: 'take' | 'hang' | 'fail';
  close(): Promise<void>;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly boolValue?: boolean;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status?: { readonly code?: number };
  readonly attributes?: readonly { readonly key: string; readonly value: OtlpValue }[];
}

interface Otlp {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
  }[];
}

const toSpan = ({ attributes = [], status, ...span }: OtlpSpan): CollectedSpan => ({
  ...span,
  failed: status?.code === 2,
  attributes: Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.boolValue ?? '',
    ]),
  ),
});

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
}

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const reports: Record<string, unknown>[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const body = await read(request);
      if (state.mode === 'hang') return;
      if (state.mode === 'fail') {
        response.writeHead(400).end();
        return;
      }
      bodies.push(body);
      if (request.url === '/v1/traces') {
        const { resourceSpans = [] } = JSON.parse(body) as Otlp;
        const scopes = resourceSpans.flatMap(({ scopeSpans = [] }) => scopeSpans);
        spans.push(...scopes.flatMap(({ spans: own = [] }) => own).map(toSpan));
      } else {
        reports.push(JSON.parse(body.split('\n')[2] ?? '{}') as Record<string, unknown>);
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    };
    take().catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const state: Collector = {
    url: `http://127.0.0.1:${port}`,
    dsn: `http://public@127.0.0.1:${port}/42`,
    spans,
    reports,
    bodies,
    mode: 'take',
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return state;
}
