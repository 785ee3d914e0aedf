/** What Prometheus reads at `/metrics`. Labels have few values each: routes, not paths; events, not people. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Gauge as ReadableGauge } from '../kernel/telemetry.ts';
import { mergeMetrics } from './merge-metrics.ts';

/** The processes that answer on one port together (WEB_CONCURRENCY). */
export interface Peers {
  /** Which of them this is: `1`, `2` … One that is started in place of another has its number. */
  readonly number: string;
  /** What this one has to say when `gather` is called in any of them. */
  share(part: () => Promise<string>): void;
  /** What those say that answer in time; of this one, too. */
  gather(): Promise<readonly string[]>;
}

export interface Metrics {
  /** Of one answer. `seconds` from its first byte to its last. */
  answered(request: { method: string; route: string; status: number; seconds: number }): void;
  /** Of one call of a store. */
  stored(call: { store: string; operation: string; ok: boolean; seconds: number }): void;
  /** Something happened that has a name in the log or among the domain events. */
  happened(event: string): void;
  /** The token endpoint answered: `outcome` is `issued` or the OAuth error. */
  granted(grant: { grantType: string; outcome: string }): void;
  /** A request to an address that somebody named: `answered`, or why not. */
  called(outcome: string): void;
  /** `read` answers undefined when it cannot tell now. */
  gauge(gauge: Omit<ReadableGauge, 'read'> & { readonly read: () => number | undefined }): void;
  /** In Prometheus' text format. */
  text(): Promise<{ readonly type: string; readonly body: string }>;
  close(): void;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** There from the start, as zero: Prometheus sees no increase in a series that begins with its first event. */
const WATCHED = [
  ...['request.failed', 'oidc.failed', 'http.error', 'traces.lost', 'reports.lost'],
  ...['login.refused', 'session.started', 'refresh_token.replayed'],
];
/** Also there from the start. */
const CALLS = 'answered scheme address redirect size encoding time network'.split(' ');
const GRANTS = new Set(['authorization_code', 'refresh_token', 'client_credentials']);

/** With `peers`, `text` is of all of them, each series with the number of its process: sums would lose those of one that ended. */
export function createMetrics(peers?: Peers): Metrics {
  const registry = new Registry();
  if (peers) registry.setDefaultLabels({ worker: peers.number });
  peers?.share(() => registry.metrics());
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'auth_http_request_seconds',
    help: 'Answers, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const stores = new Histogram({
    name: 'auth_store_seconds',
    help: 'Calls of PostgreSQL and of the state store',
    labelNames: ['store', 'operation', 'outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2],
    registers,
  });
  const events = new Counter({
    name: 'auth_events_total',
    help: 'What happened, by the name it has in the log: login.refused, session.started, refresh_token.replayed',
    labelNames: ['event'],
    registers,
  });
  for (const event of WATCHED) events.inc({ event }, 0);
  const grants = new Counter({
    name: 'auth_tokens_total',
    help: 'Answers of the token endpoint, by grant type and outcome: issued, or the OAuth error',
    labelNames: ['grant_type', 'outcome'],
    registers,
  });
  const calls = new Counter({
    name: 'auth_outgoing_total',
    help: 'Requests to clients and providers by outcome: answered, or why they failed; address and scheme: never made',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of CALLS) calls.inc({ outcome }, 0);

  return {
    answered({ method, route, status, seconds }) {
      const known = METHODS.has(method) ? method : 'other';
      requests.observe({ route, method: known, status: String(status) }, seconds);
    },
    stored({ store, operation, ok, seconds }) {
      stores.observe({ store, operation, outcome: ok ? 'ok' : 'failed' }, seconds);
    },
    happened: (event) => events.inc({ event }),
    granted({ grantType, outcome }) {
      grants.inc({ grant_type: GRANTS.has(grantType) ? grantType : 'other', outcome });
    },
    called: (outcome) => calls.inc({ outcome }),
    gauge({ name, summary, grows, read }) {
      const options = { name: `auth_${name}`, help: summary, registers };
      if (grows) {
        new Counter({
          ...options,
          collect() {
            const value = read();
            if (value === undefined) return;
            this.reset();
            this.inc(value);
          },
        });
      } else {
        new Gauge({
          ...options,
          collect() {
            const value = read();
            if (value === undefined) this.remove();
            else this.set(value);
          },
        });
      }
    },
    text: async () => ({
      type: registry.contentType,
      body: peers ? mergeMetrics(await peers.gather()) : await registry.metrics(),
    }),
    close: () => registry.clear(),
  };
}
