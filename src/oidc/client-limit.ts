/** Rate limits of the endpoints where clients call: by address and client, however the client names itself. */
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Limiter } from '../kernel/plugin.ts';
import { ProblemError } from '../kernel/problem.ts';
import type { Exchange } from '../kernel/route.ts';

interface Dependencies {
  readonly limiter: Limiter;
  readonly clientIp: (req: Exchange['req']) => string;
}

type Find = (id: string, options?: object) => Promise<object | undefined>;

/** As oidc-provider names them. */
const ROUTES = ['token', 'introspection', 'revocation', 'pushed_authorization_request'] as const;

type Paths = Readonly<Record<(typeof ROUTES)[number], string>>;

/**
 * oidc-provider looks a client up once it has read which one calls (Basic, body or assertion), and before it
 * compares a secret or verifies a signature: there the call is counted, once. Whoever names no known client is
 * counted by address alone, or each made-up name would be a bucket of its own; and so is, once it has been refused,
 * what names none or cannot be read, which costs nothing before.
 */
export function limitClients(
  provider: Provider,
  paths: Paths,
  { limiter, clientIp }: Dependencies,
): void {
  const counted = new WeakSet<object>();

  const count = async (ctx: KoaContextWithOIDC, client: string | undefined): Promise<void> => {
    counted.add(ctx.req);
    const caller = { ip: clientIp(ctx.req), ...(client === undefined ? {} : { client }) };
    try {
      const spent = limiter.spend(client === undefined ? 'oidc' : 'client', caller);
      for (const [name, value] of Object.entries(await spent)) ctx.append(name, value);
    } catch (error) {
      throw error instanceof ProblemError ? refusal(ctx, error) : error;
    }
  };

  const limited = new Set(ROUTES.map((route) => paths[route]));
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    if (!limited.has(ctx.path.toLowerCase()) || counted.has(ctx.req)) return;
    const spent = await limiter.spend('oidc', { ip: clientIp(ctx.req) });
    for (const [name, value] of Object.entries(spent)) ctx.append(name, value);
  });

  const names = new Set<string | undefined>(ROUTES);
  const model = provider.Client as unknown as { find: Find };
  const find = model.find.bind(model);
  model.find = async (id, ...rest) => {
    const client = await find(id, ...rest);
    const { ctx } = Provider;
    if (ctx && names.has(ctx.oidc?.route) && !counted.has(ctx.req)) {
      await count(ctx, client && id);
    }
    return client;
  };
}

/** RFC 6749 knows no error for it: `temporarily_unavailable` says the same, 429 and `Retry-After` say the rest. */
function refusal(ctx: KoaContextWithOIDC, { problem, details }: ProblemError): Error {
  for (const [name, value] of Object.entries(details.headers ?? {})) ctx.append(name, value);
  ctx.set('Retry-After', String(details.retryAfter ?? 1));
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    details.detail ?? problem.title,
  );
  return Object.assign(error, { status: problem.status, statusCode: problem.status });
}
