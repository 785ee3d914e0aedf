/** What stood in the original stack, and what stands there now. */

export interface Side {
  /** Below the scratch folder. */
  readonly folder: string;
  /** As `npm install` takes them. */
  readonly packages: readonly string[];
  /** What a server would import. */
  readonly imports: readonly string[];
}

export interface Decision {
  readonly name: string;
  readonly original: Side;
  readonly ours: Side;
  /** File in `probes`. */
  readonly probe?: string;
}

export const DECISIONS: readonly Decision[] = [
  {
    name: 'argon2',
    original: { folder: 'argon2', packages: ['argon2@0.45.1'], imports: ['argon2'] },
    ours: {
      folder: 'node-rs-argon2',
      packages: ['@node-rs/argon2@2.2.1'],
      imports: ['@node-rs/argon2'],
    },
    probe: 'argon2.ts',
  },
  {
    name: 'jsonwebtoken',
    original: {
      folder: 'jsonwebtoken',
      packages: ['jsonwebtoken@9.0.3'],
      imports: ['jsonwebtoken'],
    },
    ours: { folder: 'jose', packages: ['jose@6.2.17'], imports: ['jose'] },
    probe: 'jsonwebtoken.ts',
  },
  {
    name: 'koa-ratelimit',
    original: {
      folder: 'koa-ratelimit',
      packages: ['koa-ratelimit@6.0.0', 'koa@3.3.0', 'ioredis@6.0.0'],
      imports: ['koa-ratelimit', 'koa', 'ioredis'],
    },
    // Our bucket is a script for Redis and a statement for PostgreSQL, in code of our own.
    ours: {
      folder: 'koa-ioredis',
      packages: ['koa@3.3.0', 'ioredis@6.0.0'],
      imports: ['koa', 'ioredis'],
    },
    probe: 'koa-ratelimit.ts',
  },
  {
    name: 'sentry',
    original: {
      folder: 'sentry-node',
      packages: ['@sentry/node@11.12.0'],
      imports: ['@sentry/node'],
    },
    ours: {
      folder: 'sentry-core',
      packages: ['@sentry/core@11.12.0'],
      imports: ['@sentry/core', '@sentry/core/server'],
    },
    probe: 'sentry.ts',
  },
  {
    name: 'opentelemetry',
    original: {
      folder: 'sdk-node',
      packages: ['@opentelemetry/sdk-node@0.301.0'],
      imports: ['@opentelemetry/sdk-node'],
    },
    ours: {
      folder: 'sdk-trace',
      packages: [
        '@opentelemetry/api@1.10.0',
        '@opentelemetry/exporter-trace-otlp-http@0.301.0',
        '@opentelemetry/resources@3.1.0',
        '@opentelemetry/sdk-trace@3.1.0',
      ],
      imports: [
        '@opentelemetry/api',
        '@opentelemetry/exporter-trace-otlp-http',
        '@opentelemetry/resources',
        '@opentelemetry/sdk-trace',
      ],
    },
    probe: 'opentelemetry.ts',
  },
];
