/** Which scopes exist, and which of them a client may be given. */
import { CLIENT_SCOPES } from '../kernel/oidc.ts';

/** Scopes of OpenID Connect that every client may ask for. */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const;

/** Scopes of OpenID Connect and ours that give claims: of them ID token and userinfo are made. */
export const OIDC_SCOPES = [...OPENID_SCOPES, 'roles'] as const;

/** The client behind the cookie REST API. It has no grant type, so `/oidc/token` takes none of its tokens. */
export const REST_CLIENT_ID = 'auth-service';

/** What a REST login gives besides API_SCOPES: the only one that opens our own API without being asked for. */
export const REST_SCOPE = 'openid profile email account admin';

/** What a REST login gives in all. */
export const restScope = (apiScopes: readonly string[]): string =>
  [REST_SCOPE, ...apiScopes].join(' ');

/** oidc-provider's client with our own metadata. */
interface ScopedClient {
  readonly clientId: string;
  readonly [metadata: string]: unknown;
}

/** Everything that may be in a token of the client's own. */
export function grantableScopes(client: ScopedClient): ReadonlySet<string> {
  if (client.clientId === REST_CLIENT_ID) return new Set(REST_SCOPE.split(' '));
  const allowed = client['allowed_scopes'];
  return new Set([...OPENID_SCOPES, ...(Array.isArray(allowed) ? (allowed as string[]) : [])]);
}

/** Everything that a user, whoever it is, may give to a client. */
export const grantableByUsers = (client: ScopedClient): ReadonlySet<string> =>
  new Set([...grantableScopes(client)].filter((scope) => !CLIENT_SCOPES.includes(scope)));
