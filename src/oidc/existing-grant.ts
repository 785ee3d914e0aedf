import { type Client, errors, type Grant, type KoaContextWithOIDC } from 'oidc-provider';
import type { ConsentSource, GrantFence } from '../kernel/oidc.ts';
import { grantableByUsers, OPENID_SCOPES } from './scopes.ts';
import { orUnavailable } from './unavailable.ts';

interface Dependencies {
  readonly grants: GrantFence;
  readonly consents: ConsentSource;
  readonly audience: string;
}

/**
 * oidc-provider's `loadExistingGrant`: consent is remembered over sessions, and every authorization that
 * needs no more of it makes a grant of its own. Undefined leads to the consent prompt for what is missing.
 */
export function createLoadExistingGrant({ grants, consents, audience }: Dependencies) {
  const hasConsent = async (userId: string, client: Client, wanted: readonly string[]) => {
    if (client['first_party'] === true) return true;
    const allowed = await consents.allowed(userId, client.clientId);
    return wanted.every((scope) => allowed.has(scope));
  };

  const load = async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { oidc } = ctx;
    const { client, session } = oidc;
    if (!client || !session?.accountId) return undefined;
    if (oidc.promptPending('consent') || oidc.promptPending('login')) return undefined;

    const grantable = grantableByUsers(client);
    const wanted = [...oidc.requestParamScopes].filter((scope) => grantable.has(scope));
    if (!(await hasConsent(session.accountId, client, wanted))) return undefined;

    const openidScope = OPENID_SCOPES.filter((scope) => wanted.includes(scope)).join(' ');
    const resources = { [audience]: wanted.join(' ') };
    const { accountId: userId, uid: sessionId } = session;
    const { clientId } = client;
    const id = await grants.create({ userId, clientId, sessionId, openidScope, resources });
    if (id === undefined) throw new errors.LoginRequired('the session has just ended');
    const grant = new oidc.provider.Grant({ accountId: userId, clientId });
    grant.jti = id;
    grant.addOIDCScope(openidScope);
    grant.addResourceScope(audience, wanted.join(' '));
    return grant;
  };
  return (ctx: KoaContextWithOIDC) => orUnavailable(() => load(ctx));
}
