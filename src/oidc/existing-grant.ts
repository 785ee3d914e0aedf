import { type Client, errors, type Grant, type KoaContextWithOIDC } from 'oidc-provider';
import type { ConsentSource, GrantFence } from '../kernel/oidc.ts';
import { mayUseApi, type Resources } from './resources.ts';
import { grantableByUsers, OIDC_SCOPES } from './scopes.ts';
import { orUnavailable } from './unavailable.ts';

/** Seconds: a code lives 60. */
const REDEEM_WITHIN = 300;

interface Dependencies {
  readonly grants: GrantFence;
  readonly consents: ConsentSource;
  readonly resources: Resources;
}

/**
 * oidc-provider's `loadExistingGrant`: consent is remembered over sessions, and every authorization that
 * needs no more of it makes a grant of its own. Undefined leads to the consent prompt for what is missing.
 */
export function createLoadExistingGrant({ grants, consents, resources }: Dependencies) {
  const hasConsent = async (
    userId: string,
    client: Client,
    wanted: { readonly scopes: readonly string[]; readonly api: boolean },
  ) => {
    if (client['first_party'] === true) return true;
    const allowed = await consents.allowed(userId, client.clientId);
    const hasApi = !wanted.api || allowed.resources.has(resources.api);
    return hasApi && wanted.scopes.every((scope) => allowed.scopes.has(scope));
  };

  const load = async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { oidc } = ctx;
    const { client, session } = oidc;
    if (!client || !session?.accountId) return undefined;
    if (oidc.promptPending('consent') || oidc.promptPending('login')) return undefined;

    const grantable = grantableByUsers(client);
    const wanted = [...oidc.requestParamScopes].filter((scope) => grantable.has(scope));
    const asked = Object.keys(oidc.resourceServers ?? {});
    const api = asked.includes(resources.api) && mayUseApi(client, resources);
    const isAllowed = () => hasConsent(session.accountId ?? '', client, { scopes: wanted, api });
    if (!(await isAllowed())) return undefined;

    const scope = wanted.join(' ');
    const openidScope = OIDC_SCOPES.filter((name) => wanted.includes(name)).join(' ');
    const { accountId: userId, uid: sessionId } = session;
    const { clientId } = client;
    const id = await grants.create({
      userId,
      clientId,
      sessionId,
      openidScope,
      resources: { [resources.api]: scope },
      audiences: api ? [resources.api, resources.own] : [resources.own],
      redeemWithin: REDEEM_WITHIN,
      consented: client['first_party'] !== true,
    });
    if (id === undefined && !(await isAllowed())) return undefined;
    if (id === undefined) throw new errors.LoginRequired('the session has just ended');
    const grant = new oidc.provider.Grant({ accountId: userId, clientId });
    grant.jti = id;
    grant.addOIDCScope(openidScope);
    // What the client may not have is refused, not asked for: no person could give it.
    grant.rejectOIDCScope([...oidc.requestParamOIDCScopes].filter((name) => !grantable.has(name)));
    for (const resource of asked) grant.addResourceScope(resource, scope);
    return grant;
  };
  return (ctx: KoaContextWithOIDC) => orUnavailable(() => load(ctx));
}
