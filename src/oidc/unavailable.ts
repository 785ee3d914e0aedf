import type { EventEmitter } from 'node:events';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';

/** Seconds after which a client may try again. */
const RETRY_AFTER = 2;

/** `temporarily_unavailable` (RFC 6749 §4.1.2.1), answered with 503 on endpoints that do not redirect. */
function unavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'a part of the service does not answer, try again shortly',
  );
  return Object.assign(error, { status: 503, statusCode: 503, cause });
}

/** Turns a store that does not answer into an OAuth error; leaves every other error as it is. */
export async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StoreUnavailable ? unavailable(error) : error;
  }
}

/** Every function of an object, wrapped in `orUnavailable`. */
export function wrapUnavailable<Methods extends object>(methods: Methods): Methods {
  const wrapped = Object.entries(methods).map(([name, method]) => [
    name,
    typeof method === 'function'
      ? (...args: unknown[]) => orUnavailable(async () => method.apply(methods, args))
      : method,
  ]);
  return Object.fromEntries(wrapped) as Methods;
}

/** Says when to come back, on every answer that asks to, and logs why. */
export function announceRetry(provider: Provider, log: Log): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (ctx.status === 503) ctx.set('Retry-After', String(RETRY_AFTER));
  });
  // Its types know one name at a time.
  const events = provider as unknown as EventEmitter;
  for (const name of FAILURES) {
    events.on(name, (_ctx: unknown, { status, cause }: Failure) => {
      if (status === 503)
        log.warn({ event: 'oidc.unavailable', on: name, err: cause }, 'unavailable');
    });
  }
}

/** What `unavailable` makes. */
interface Failure {
  readonly status?: number;
  readonly cause?: unknown;
}

/** oidc-provider's events for what it answers with an OAuth error. */
const FAILURES = [
  'authorization.error',
  'end_session.error',
  'grant.error',
  'introspection.error',
  'pushed_authorization_request.error',
  'revocation.error',
  'userinfo.error',
];
