import type { Context, Middleware } from 'koa';
import type { Limiter } from '../kernel/plugin.ts';
import { ProblemError } from '../kernel/problem.ts';
import type { RateClass } from '../kernel/route.ts';

/** Counts a call against its client's address and says in the headers what is left. Throws a 429 problem. */
export type Limit = (ctx: Context, rateClass: RateClass) => Promise<void>;

export function createLimit(
  limiter: Limiter | undefined,
  clientIp: (ctx: Context) => string,
): Limit {
  return async (ctx, rateClass) => {
    if (!limiter) return;
    const headers = await limiter.spend(rateClass, { ip: clientIp(ctx) });
    for (const [name, value] of Object.entries(headers)) ctx.append(name, value);
  };
}

export const classOfMethod = (method: string): RateClass =>
  ['get', 'head'].includes(method.toLowerCase()) ? 'read' : 'write';

/** Their callers are counted by `src/oidc`, as soon as it is known which client they are. */
const OF_CLIENTS = new Set(['/oidc/token', '/oidc/introspect', '/oidc/revoke', '/oidc/par']);

/** Authorization, userinfo, logout: not metadata and keys, which everybody may keep for a while. */
export function limitOidc(limit: Limit): Middleware {
  return async (ctx, next) => {
    const path = ctx.path.toLowerCase();
    if (path.startsWith('/oidc/') && !OF_CLIENTS.has(path)) await limit(ctx, 'oidc');
    await next();
  };
}

const HEADER = 'RateLimit';

const isCounted = (ctx: Context, error?: unknown): boolean =>
  Boolean(ctx.response.get(HEADER)) ||
  (error instanceof ProblemError && Object.hasOwn(error.details.headers ?? {}, HEADER));

/** Set by what may be asked as often as anybody likes: its `state` says why not. */
export const UNLIMITED = 'unlimited';

/**
 * Counts what nothing else has: answered by now, and cheap enough for that. May be used twice around one call, so that
 * each refusal goes the way of others in its place. Throws a 429 problem instead of the answer.
 */
export function limitRest(
  limiter: Limiter | undefined,
  clientIp: (ctx: Context) => string,
): Middleware {
  const seen = new WeakSet<object>();
  const count = (ctx: Context, error?: unknown): void => {
    if (seen.has(ctx.req) || ctx.state[UNLIMITED] || isCounted(ctx, error)) return;
    seen.add(ctx.req);
    const refused = limiter?.spendHere?.(clientIp(ctx));
    if (!refused) return;
    for (const name of ['Cache-Control', 'ETag', 'Allow']) ctx.remove(name);
    throw refused;
  };
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      count(ctx, error);
      throw error;
    }
    count(ctx);
  };
}
