/** Settings of the core, by environment name. Plugins bring their own. */
import { z } from 'zod';
import { checkUrlPassword } from '../src/kernel/addresses.ts';
import {
  checkDatabaseUrl,
  checkInnerHost,
  checkOrigin,
  checkProxy,
  checkPublicUrl,
  checkRedisUrl,
  checkSecretKeys,
  checkSentryDsn,
  isUrlOf,
} from './rules.ts';

/** Ten years: beyond, dates overflow in places that we do not own. */
const LONGEST = 315_360_000;

const seconds = (initial: number, min: number) =>
  z.coerce.number().int().min(min).max(LONGEST).default(initial);

/** Control and formatting characters: a text must not forge the page it stands on. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/;

/** The items of a comma-separated list. */
export const splitList = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

const list = z.string().default('').transform(splitList);

/** What is wrong with a value, in words that follow its name; undefined: nothing. */
type Check<Value> = (value: Value) => string | undefined;

/** A schema refinement out of such a check. */
const by =
  <Value>(check: Check<Value>) =>
  (value: Value, context: z.RefinementCtx<Value>): void => {
    const message = check(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };

const each =
  (check: Check<string>) =>
  (items: readonly string[], context: z.RefinementCtx<string[]>): void => {
    for (const item of items) by(check)(item, context as unknown as z.RefinementCtx<string>);
  };

const url = (...protocols: string[]) =>
  z.string().refine((text) => isUrlOf(text, protocols), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    abort: true,
  });

const port = z.coerce.number().int().min(0).max(65_535);

export const coreSchema = z.object({
  PORT: port.default(3000).describe('Port to listen on.'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; 0.0.0.0 in a container.'),
  PUBLIC_URL: url('http:', 'https:')
    .superRefine(by(checkPublicUrl))
    .optional()
    .describe(
      'Where browsers reach this server, also the issuer; may carry a path. Default: http://localhost:PORT. http is for loopback hosts only.',
    ),
  HSTS_SUBDOMAINS: z
    .stringbool()
    .default(false)
    .describe(
      'Whether browsers use https for every host below that of PUBLIC_URL as well, for two years (HSTS with includeSubDomains): only when all of them have it. Default: false.',
    ),
  MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Connections that one process keeps open; further ones are closed at once. Fewer than the open files it may have.',
    ),
  WEB_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Processes that answer on the port; more than one only pays off on more cores.'),
  DATA_DIR: z
    .string()
    .default('./data')
    .describe('Folder of the embedded PostgreSQL and of generated secrets.'),
  DATABASE_URL: z
    .string()
    .superRefine(by(checkDatabaseUrl))
    .optional()
    .meta({ secret: true })
    .describe(
      'PostgreSQL ≥ 15: postgres://user:password@host:5432/database?sslmode=verify-full, or with ?host=/socket/folder; percent-encoded. Default: an embedded PostgreSQL under DATA_DIR.',
    ),
  DATABASE_POOL: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(10)
    .describe('Connections to PostgreSQL that one process holds at most.'),
  REDIS_URL: z
    .string()
    .superRefine(by(checkRedisUrl))
    .optional()
    .meta({ secret: true })
    .describe(
      'State store: redis://user:password@host:6379/0, redis-sentinel://host:26379,host:26379/master?db=0 or redis-cluster://host:6379,host:6379; with rediss instead of redis over TLS. Default: PostgreSQL.',
    ),
  SECRET_KEY: z
    .string()
    .superRefine(by(checkSecretKeys))
    .optional()
    .meta({ secret: true })
    .describe(
      'At least 32 bytes; signs cookies and refresh tokens, encrypts signing keys. A comma list rotates it: the first is used, all are accepted. Generated under DATA_DIR unless PUBLIC_URL is https.',
    ),
  API_AUDIENCE: z
    .url({ error: 'must be an absolute URI' })
    .refine((text) => !text.includes('#'), { error: 'must have no fragment' })
    .optional()
    .describe(
      '`aud` of access tokens for your API: those of first-party clients and of clients made with --api. Default: PUBLIC_URL + /api.',
    ),
  API_TITLE: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .refine((title) => !UNPRINTABLE.test(title), { error: 'must consist of printable characters' })
    .optional()
    .describe('What people know your API by, on the consent page. Default: host of API_AUDIENCE.'),
  API_SCOPES: list
    .superRefine(
      each((scope) => (SCOPE.test(scope) ? undefined : 'must hold scopes (RFC 6749 §3.3)')),
    )
    .describe(
      'Scopes of your API that the access tokens of REST logins have, besides those of this service. A comma list.',
    ),
  ACCESS_TOKEN_TTL: seconds(600, 30).describe(
    'Lifetime of access tokens, in seconds. May be changed at any time: tokens of before keep theirs, and stay revoked when they were.',
  ),
  REFRESH_TOKEN_TTL: seconds(2_592_000, 60).describe(
    'Lifetime of a refresh token, in seconds; a change counts from the next refresh on.',
  ),
  SESSION_IDLE_TTL: seconds(1_209_600, 60).describe('A session unused for so many seconds ends.'),
  SESSION_TTL: seconds(7_776_000, 60).describe('A session ends after so many seconds in any case.'),
  JWKS_MAX_AGE: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(300)
    .describe(
      'Seconds that clients keep JWKS and metadata; a new signing key is published a little longer before it signs.',
    ),
  REGISTRATION: z
    .enum(['open', 'strict', 'closed'])
    .default('open')
    .describe(
      'Who may create an account: everybody (open), whoever follows a link mailed to the address, so that nobody learns which addresses have one (strict; needs mail), or nobody (closed).',
    ),
  TRUST_PROXY: list
    .superRefine(each(checkProxy))
    .describe(
      'Proxies whose X-Forwarded-For counts: addresses or CIDRs, comma-separated. Default: none.',
    ),
  OUTGOING_PRIVATE: list
    .superRefine(each(checkInnerHost))
    .describe(
      'Inner hosts, addresses and CIDRs that clients and providers may have this server call (back-channel logout, metadata, keys), comma-separated; link-local and metadata addresses never. Default: none, and loopback when PUBLIC_URL is http.',
    ),
  CORS_ORIGINS: list
    .superRefine(each(checkOrigin))
    .describe('Other origins whose pages may call the REST API, comma-separated.'),
  DRAIN_DELAY: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .optional()
    .describe(
      'Seconds after SIGTERM in which requests are still taken, each answer closing its connection: more than the keepalive time of the proxy. Default: 5 with https, else 0.',
    ),
  OVERLOAD_DELAY: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(500)
    .describe(
      'Milliseconds by which the event loop may be late, on average, before requests are answered with 503; 0: never.',
    ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least severe level that is logged.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:')
    .superRefine(by(checkUrlPassword))
    .optional()
    .meta({ secret: true })
    .describe('Where traces go by OTLP over HTTP, e.g. http://localhost:4318. Default: nowhere.'),
  OTEL_SERVICE_NAME: z.string().default('auth-service').describe('Name of this service in traces.'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Part of the requests that are traced: 0.1 is every tenth.'),
  SENTRY_DSN: url('http:', 'https:')
    .superRefine(by(checkSentryDsn))
    .optional()
    .meta({ secret: true })
    .describe('Where unexpected errors are reported. Default: nowhere.'),
  SENTRY_ENVIRONMENT: z.string().default('production').describe('Environment in error reports.'),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .meta({ secret: true })
    .describe(
      'Bearer token for /metrics, at least 16 characters. Without one only this machine may read them.',
    ),
  MIGRATE_ON_START: z
    .stringbool()
    .optional()
    .describe('Apply pending migrations at start. Default: only with the embedded PostgreSQL.'),
  PLUGINS: list.describe('Third-party plugins: paths or package names, comma-separated.'),
  PLUGINS_DISABLED: list.describe('Names of plugins to leave out, comma-separated.'),
});

export type CoreEnvironment = z.output<typeof coreSchema>;
