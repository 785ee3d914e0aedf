/** Lets requests with a good bearer token through, and answers all others as RFC 6750 §3 wants. */
import type { Context, DefaultState, Middleware } from 'koa';
import type { Denylist } from './denylist.ts';
import type { Following } from './follow-revocations.ts';
import {
  type AccessToken,
  KeysUnavailable,
  TokenRejected,
  type VerifyAccessToken,
} from './verify-access-token.ts';

export interface AuthorizedState extends DefaultState {
  token: AccessToken;
}

/** What has ended before it expires, and whether that is all. */
export type Revocations = Pick<Denylist, 'denies'> & Pick<Following, 'isCurrent'>;

interface GuardOptions {
  readonly verify: VerifyAccessToken;
  readonly revocations: Revocations;
  /** Tells clients where to get a token (RFC 9728 §5.1). */
  readonly metadataUrl: string;
}

/** What a token must allow besides being valid; undefined when it does, else why not. */
export type Demand = (token: AccessToken) => string | undefined;

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

export function createBearerGuard({ verify, revocations, metadataUrl }: GuardOptions) {
  const refuse = (ctx: Context, status: number, error?: string, description?: string): void => {
    const parts = [
      ...(error ? [`error="${error}"`] : []),
      ...(description ? [`error_description="${description}"`] : []),
      `resource_metadata="${metadataUrl}"`,
    ];
    ctx.status = status;
    ctx.set('WWW-Authenticate', `Bearer ${parts.join(', ')}`);
    ctx.body = { error: error ?? 'unauthorized', error_description: description };
  };

  const check = async (token: string): Promise<AccessToken> => {
    const verified = await verify(token);
    if (revocations.denies(verified)) throw new TokenRejected('The token has been revoked');
    return verified;
  };

  /** Undefined when the request has been answered. */
  const authenticate = async (ctx: Context): Promise<AccessToken | undefined> => {
    const [, token] = BEARER.exec(ctx.get('Authorization')) ?? [];
    // A request without a token gets no error code: it may simply not know yet that it needs one.
    if (token === undefined) return void refuse(ctx, 401);
    try {
      return await check(token);
    } catch (error) {
      if (error instanceof TokenRejected) {
        return void refuse(ctx, 401, 'invalid_token', error.message);
      }
      if (!(error instanceof KeysUnavailable)) throw error;
      return void apologize(ctx, error.message);
    }
  };

  /** `current`: only while it is known that the token's roles were not taken away meanwhile. */
  return (
    demand: Demand = () => undefined,
    { current = false } = {},
  ): Middleware<AuthorizedState> =>
    async (ctx, next) => {
      ctx.set('Cache-Control', 'no-store');
      const token = await authenticate(ctx);
      if (!token) return;
      const lacking = demand(token);
      if (lacking !== undefined) return refuse(ctx, 403, 'insufficient_scope', lacking);
      if (current && !revocations.isCurrent()) {
        return apologize(ctx, 'It is not known which roles were taken away lately');
      }
      ctx.state.token = token;
      await next();
    };
}

/** A part of the service is away, and nothing is said about the token (RFC 9457). */
function apologize(ctx: Context, detail: string): void {
  ctx.status = 503;
  ctx.set('Retry-After', '5');
  ctx.body = JSON.stringify({ title: 'Please try again shortly', status: 503, detail });
  ctx.type = 'application/problem+json';
}
