import type { Context } from 'koa';
import { type Access, type CookieName, type Principal, SIGN_IN_COOKIES } from '../kernel/route.ts';
import { type CookieTable, readCookie } from './cookies.ts';
import { problems } from './problem-response.ts';

/** Verifies an access token: signature, type, issuer, audience, lifetime, denylist. */
export type VerifyToken = (token: string) => Promise<Principal | undefined>;

/** Reads the database: does this active user hold the role now? */
export type HasRole = (userId: string, role: string) => Promise<boolean>;

/** Reads the database: did the person of this session prove who they are within the last 5 minutes? */
export type IsRecent = (sid: string) => Promise<boolean>;

/** Reads the database: is this client still registered? */
export type HasClient = (clientId: string) => Promise<boolean>;

/** True for the REST API's pseudo-client; of others, the database says whether they are first-party. */
export type IsOwnClient = (clientId: string) => Promise<boolean>;

export interface Authentication {
  readonly cookies: CookieTable;
  readonly verifyToken: VerifyToken;
  readonly hasRole: HasRole;
  readonly isRecent: IsRecent;
  readonly hasClient: HasClient;
  readonly isOwnClient: IsOwnClient;
}

function presentedToken(ctx: Context, cookies: CookieTable): string | undefined {
  const header = ctx.get('Authorization');
  if (header) return /^Bearer ([\w.~+/-]+=*)$/i.exec(header)?.[1] ?? '';
  return readCookie(ctx, cookies, 'access');
}

/**
 * Who calls, as far as the access rule asks: on a public route nobody, whatever token is brought along. Throws the 401 or
 * 403 of the rule.
 */
export async function authorize(
  ctx: Context,
  rule: Access,
  authentication: Authentication,
): Promise<Principal | undefined> {
  if (rule.kind === 'public') return undefined;
  const token = presentedToken(ctx, authentication.cookies);
  const principal = token ? await authentication.verifyToken(token) : undefined;
  if (!principal) throw problems.unauthenticated();
  if (!principal.scopes.has(rule.scope)) throw problems.insufficientScope();
  if (rule.kind === 'client') await checkClient(principal, authentication);
  else await checkUser(principal, rule, authentication);
  return principal;
}

async function checkUser(
  { sub, sid, clientId }: Principal,
  rule: Exclude<Access, { kind: 'public' | 'client' }>,
  { hasRole, isRecent, isOwnClient }: Authentication,
): Promise<void> {
  if (!sid) throw problems.insufficientScope();
  if (rule.own && !(await isOwnClient(clientId))) throw problems.firstPartyOnly();
  if (rule.kind === 'role' && !(await hasRole(sub, rule.role))) throw problems.forbidden();
  if (rule.recent && !(await isRecent(sid))) throw problems.reauthenticationRequired();
}

/** A token of a user has a grant, and a subject that is no client. */
async function checkClient(
  { sub, clientId, sid, gid }: Principal,
  { hasClient }: Pick<Authentication, 'hasClient'>,
): Promise<void> {
  const isClient = sub === clientId && sid === undefined && gid === undefined;
  if (!isClient) throw problems.insufficientScope();
  if (!(await hasClient(clientId))) throw problems.unauthenticated();
}

/** True when nothing that a browser adds by itself identifies the caller: CSRF cannot happen. */
export function isBearerOnly(ctx: Context, cookies: CookieTable): boolean {
  const isSent = (name: CookieName): boolean =>
    Boolean(ctx.cookies.get(cookies[name].name, { signed: false }));
  return ctx.get('Authorization') !== '' && !SIGN_IN_COOKIES.some(isSent);
}
