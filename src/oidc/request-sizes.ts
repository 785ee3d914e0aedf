/** How large an authorization request may be: it is stored before anybody is known to have sent it. */
import { decodeJwt, decodeProtectedHeader, UnsecuredJWT } from 'jose';
import { errors, type KoaContextWithOIDC, type Provider, type UnknownObject } from 'oidc-provider';

/** Bytes of a record that no person has acted on. */
export const MOST_STORED = 4096;

/**
 * Bytes of all parameters, as JSON: in an interaction they come with up to 1.4 KB of our own (paths, prompt, the hint
 * shown on the page), in a pushed request (RFC 9126) with a third for base64 and 0.5 KB.
 */
const MOST_TOGETHER = 2600;

/** Bytes of `state`, which a session keeps during a sign-out as well. */
export const MOST_STATE = 2048;

/** Bytes of one parameter. Clients keep what they need after the redirect in `state`, mostly some signed JSON. */
const MOST_OF_ONE: Readonly<Record<string, number>> = { state: MOST_STATE, login_hint: 512 };
const MOST_OF_OTHERS = 1024;

/** Bytes of what is checked and never stored as it was sent. */
const MOST_UNSTORED = 16 * 1024;
const UNSTORED = ['id_token_hint', 'request', 'claims'] as const;

const bytesOf = (value: unknown): number =>
  Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));

function refuseLonger(name: string, value: unknown, most: number): void {
  if (value === undefined || bytesOf(value) <= most) return;
  throw new errors.InvalidRequest(`${name} must not be longer than ${most} bytes`);
}

/** Throws `invalid_request` for a record that is too large to be kept for anybody. */
export function refuseToStore(json: string): void {
  if (Buffer.byteLength(json) <= MOST_STORED) return;
  throw new errors.InvalidRequest('the request is too long');
}

/** Of a hint that was validated, what is asked of it later: whom it names. */
const subjectOnly = (hint: string): string =>
  new UnsecuredJWT({ sub: decodeJwt(hint).sub ?? '' }).encode();

/**
 * oidc-provider's last step before anything is stored (`extraParams`, of both /authorize and /par): client, redirect_uri
 * and id_token_hint are proven by then, so that the client hears of it. Throws `invalid_request`.
 */
function checkSizes(ctx: KoaContextWithOIDC): void {
  const { oidc } = ctx;
  const params = oidc.params as UnknownObject & { toPlainObject(): UnknownObject };
  const sent = ctx.method === 'POST' ? oidc.body : ctx.query;
  for (const name of UNSTORED) refuseLonger(name, sent?.[name], MOST_UNSTORED);
  const { id_token_hint: hint } = params;
  if (typeof hint === 'string') params['id_token_hint'] = subjectOnly(hint);
  const all = params.toPlainObject();
  for (const [name, value] of Object.entries(all)) {
    refuseLonger(name, value, MOST_OF_ONE[name] ?? MOST_OF_OTHERS);
  }
  if (bytesOf(all) > MOST_TOGETHER) {
    throw new errors.InvalidRequest(
      `the parameters must not be longer than ${MOST_TOGETHER} bytes together`,
    );
  }
}

/** The configuration's `extraParams`: oidc-provider knows the name, and calls its check for every request. */
export const sizeChecks = { id_token_hint: checkSizes };

/**
 * The hint of a request that was pushed before, which was proven then and is kept as `subjectOnly`. Undefined for any
 * other: what a browser brings must be signed.
 */
export function hintOfPushedRequest(
  ctx: KoaContextWithOIDC | undefined,
  hint: string,
): { readonly header: object; readonly payload: UnknownObject } | undefined {
  const header = decodeProtectedHeader(hint);
  const { route, entities } = ctx?.oidc ?? {};
  if (header.alg !== 'none' || route !== 'authorization') return undefined;
  if (!entities || !('PushedAuthorizationRequest' in entities)) return undefined;
  return { header, payload: decodeJwt(hint) };
}

/** Ahead of the sign-out, which stores `state` before it answers: for anybody, signed in or not. */
export function limitSignOutState(
  provider: Provider,
  path: string,
  renderError: (ctx: KoaContextWithOIDC, out: { error: string; error_description: string }) => void,
): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    const isLong =
      ctx.path.toLowerCase() === path && bytesOf(ctx.query['state'] ?? '') > MOST_STATE;
    if (!isLong) return next();
    const out = {
      error: 'invalid_request',
      error_description: `state must not be longer than ${MOST_STATE} bytes`,
    };
    ctx.status = 400;
    if (ctx.accepts('json', 'html') === 'html') renderError(ctx, out);
    else ctx.body = out;
  });
}
