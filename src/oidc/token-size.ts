/** How long access tokens may be, and what becomes of one that would be longer. */
import { type AccessToken, type ClientCredentials, errors } from 'oidc-provider';
import type { CoreSettings, Log } from '../kernel/plugin.ts';
import { REST_CLIENT_ID, REST_SCOPE, restScope } from './scopes.ts';

/** Characters of a token that our own endpoints look at: nobody may make us hash and decode at will (SEC-42). */
export const MOST_BEARER = 8192;

/** Of ES256: 64 bytes. Keys are named by their thumbprint (RFC 7638), 32 bytes. */
const SIGNATURE = lengthInBase64url(64);
const HEADER = lengthInBase64url(
  JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'x'.repeat(lengthInBase64url(32)) }).length,
);

function lengthInBase64url(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

const bytesOf = (claims: object): number => Buffer.byteLength(JSON.stringify(claims));

/** Characters of the access token that says these claims. */
const lengthOf = (claims: object): number =>
  HEADER + 1 + lengthInBase64url(bytesOf(claims)) + 1 + SIGNATURE;

/** Bytes of claims, as JSON, in a token of so many characters. */
const roomIn = (length: number): number => Math.floor(((length - HEADER - SIGNATURE - 2) * 3) / 4);

/** What the core says in a token of a REST login, as long as it ever gets. */
const longestOfCore = (issuer: string, { apiAudience, apiScopes }: CoreSettings): object => {
  const id = 'x'.repeat(lengthInBase64url(32));
  return {
    ...{ gid: id, sid: id, jti: id, sub: 'x'.repeat(36), iat: 9_999_999_999, exp: 9_999_999_999 },
    ...{ scope: restScope(apiScopes), client_id: REST_CLIENT_ID, iss: issuer },
    aud: apiAudience === issuer ? issuer : [apiAudience, issuer],
  };
};

/**
 * Bytes that further claims may take, as one JSON object, in a token of a REST login with these `others` of plugins.
 * `most`: characters that the token may have in its cookie.
 */
export const roomBeside = (
  others: object,
  { issuer, core, most }: { issuer: string; core: CoreSettings; most: number },
): number => roomIn(most) + 1 - bytesOf({ ...longestOfCore(issuer, core), ...others });

/** What our own endpoints need of what is not the core's: how old the roles are, what it ends with. */
const KEPT = new Set(['roles_ver', 'gid', 'sid']);

type Payload = Record<string, unknown>;

/**
 * Makes a token that would be too long for its readers one for this server alone, without what plugins say in it for the API,
 * roles included. The API refuses such a token by its `aud`, rather than judge somebody by a part of their roles, and
 * whoever has too many of them can sign in and administer: our own routes read roles from the database.
 */
export const createShortenToken =
  ({ issuer, mostInCookie, log }: { issuer: string; mostInCookie: number; log: Log }) =>
  (token: AccessToken | ClientCredentials, payload: Payload): void => {
    const isRest = token.clientId === REST_CLIENT_ID;
    const most = isRest ? mostInCookie : MOST_BEARER;
    const length = lengthOf(payload);
    if (length <= most) return;
    const extra = Object.entries(token.extra ?? {}).filter(([name]) => !KEPT.has(name));
    const [largest] = extra.sort(([, one], [, other]) => sizeOf(other) - sizeOf(one));
    for (const [name] of extra) payload[name] = undefined;
    payload['aud'] = issuer;
    if (isRest) payload['scope'] = REST_SCOPE;
    log.warn(
      {
        event: 'access_token.shortened',
        client_id: token.clientId,
        sub: payload['sub'],
        ...{ length, most, claim: largest?.[0] },
      },
      'an access token would have been too long: it goes without roles and claims of plugins, for this server alone',
    );
    // Of a client, only its scopes are left that may be as long as that.
    if (lengthOf(payload) > most) {
      throw new errors.InvalidScope('these scopes make an access token that is too long', '');
    }
  };

const sizeOf = (value: unknown): number => JSON.stringify(value ?? null).length;

/** Bytes of claims of plugins, as JSON, in an ID token: browsers carry it in the URL of a sign-out (`id_token_hint`). */
const MOST_CLAIMS = 4096;

type Claims = Readonly<Record<string, unknown>>;

/** What an ID token says of its user; userinfo says all of it (OIDC Core §5.4). */
export type ShortenClaims = (
  claims: Claims,
  of: { readonly sub: string; readonly clientId: string },
) => Claims;

export const createShortenClaims =
  (log: Log): ShortenClaims =>
  (claims, { sub, clientId }) => {
    if (bytesOf(claims) <= MOST_CLAIMS) return claims;
    const rising = Object.entries(claims).sort(([, one], [, other]) => sizeOf(one) - sizeOf(other));
    const left: Record<string, unknown> = {};
    for (const [name, value] of rising) {
      if (bytesOf({ ...left, [name]: value }) > MOST_CLAIMS) break;
      left[name] = value;
    }
    const claim = rising.at(-1)?.[0];
    log.warn(
      { event: 'id_token.shortened', client_id: clientId, sub, claim },
      'an ID token would have been too long: it goes without its longest claims, which userinfo has',
    );
    return left;
  };
