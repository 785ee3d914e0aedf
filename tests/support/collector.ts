/** Where telemetry goes: an OTLP endpoint and a Sentry ingest endpoint, on a real socket. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: Attributes;
  /** Of the process that made it. */
  readonly resource: Attributes;
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

type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[];

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status?: { readonly code?: number };
  readonly attributes?: OtlpAttributes;
}

interface Otlp {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: OtlpAttributes };
    readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
  }[];
}

const attributesOf = (attributes: OtlpAttributes = []): Attributes =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.intValue ?? value.boolValue ?? '',
    ]),
  );

function spansOf({ resourceSpans = [] }: Otlp): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans
      .flatMap(({ spans = [] }) => spans)
      .map(({ attributes, status, ...span }) => ({
        ...span,
        failed: status?.code === 2,
        attributes: attributesOf(attributes),
        resource: attributesOf(resource?.attributes),
      })),
  );
}

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
        spans.push(...spansOf(JSON.parse(body) as Otlp));
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
