/** Lets requests with a good bearer token through, and answers all others as RFC 6750 §3 wants. */
import type { Context, DefaultState, Middleware } from 'koa';
import {
  type AccessToken,
  KeysUnavailable,
  TokenRejected,
  type VerifyAccessToken,
} from './verify-access-token.ts';

export interface AuthorizedState extends DefaultState {
  token: AccessToken;
}

interface GuardOptions {
  readonly verify: VerifyAccessToken;
  /** Tells clients where to get a token (RFC 9728 §5.1). */
  readonly metadataUrl: string;
}

/** What a token must allow besides being valid; undefined when it does, else why not. */
export type Demand = (token: AccessToken) => string | undefined;

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

export function createBearerGuard({ verify, metadataUrl }: GuardOptions) {
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

  /** Undefined when the request has been answered. */
  const authenticate = async (ctx: Context): Promise<AccessToken | undefined> => {
    const [, token] = BEARER.exec(ctx.get('Authorization')) ?? [];
    // A request without a token gets no error code: it may simply not know yet that it needs one.
    if (token === undefined) return void refuse(ctx, 401);
    try {
      return await verify(token);
    } catch (error) {
      if (error instanceof TokenRejected) {
        return void refuse(ctx, 401, 'invalid_token', error.message);
      }
      if (!(error instanceof KeysUnavailable)) throw error;
      ctx.status = 503;
      ctx.set('Retry-After', '5');
      ctx.body = { error: 'temporarily_unavailable', error_description: error.message };
      return undefined;
    }
  };

  return (demand: Demand = () => undefined): Middleware<AuthorizedState> =>
    async (ctx, next) => {
      ctx.set('Cache-Control', 'no-store');
      const token = await authenticate(ctx);
      if (!token) return;
      const lacking = demand(token);
      if (lacking !== undefined) return refuse(ctx, 403, 'insufficient_scope', lacking);
      ctx.state.token = token;
      await next();
    };
}
