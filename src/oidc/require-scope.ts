import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { grantableByUsers } from './scopes.ts';

/**
 * As oidc-provider's `extraParams`, of both /authorize and /par. There is no scope that goes without saying, so a request that
 * names none fails for that (RFC 6749 §3.3), and so does one that names none which anybody could give this client (§4.1.2.1):
 * at once, and not with `access_denied` after the person has signed in. Without `openid` it is plain OAuth.
 */
function requireScope({ oidc }: KoaContextWithOIDC): void {
  const { client } = oidc;
  if (!client) return;
  const scope = oidc.params?.['scope'];
  const asked = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [];
  if (asked.length === 0) {
    throw new errors.InvalidScope(
      'scope is missing: ask for openid, or for what the client may have',
      '',
    );
  }
  const grantable = grantableByUsers(client);
  if (asked.some((name) => grantable.has(name))) return;
  throw new errors.InvalidScope(
    'the client may have none of the requested scopes',
    asked.join(' '),
  );
}

export const scopeCheck = { scope: requireScope };
