/** What plugins may ask of oidc-provider, bound to it once it has been built. */
import { decodeJwt } from 'jose';
import type { Client, Provider, Session } from 'oidc-provider';
import { atMost } from '../kernel/at-most.ts';
import { type Clock, epochSeconds } from '../kernel/clock.ts';
import type { LiveSession, OidcEngine } from '../kernel/oidc.ts';
import type { CoreSettings, Log } from '../kernel/plugin.ts';
import type { StateStore } from '../kernel/store.ts';
import type { AccessTokenVerifier } from './access-token.ts';
import { collectClaims, type OwnedClaims } from './claims.ts';
import { resourceServer } from './resource-server.ts';
import { REST_CLIENT_ID, restScope } from './scopes.ts';
import { keepPointer, sessionKey, sessionOfId } from './session-adapter.ts';
import { roomBeside } from './token-size.ts';

/** Clients that are told of the end of a session at the same time; those looked up for it leave connections to others. */
const LOGOUTS_AT_ONCE = 50;
const LOOK_UPS_AT_ONCE = 2;

interface Dependencies {
  readonly issuer: string;
  readonly core: CoreSettings;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Characters of an access token that its cookie has room for. */
  readonly mostInCookie: number;
}

export interface BoundEngine extends OidcEngine {
  /** Called once, by the composition root. */
  bind(provider: Provider, verifier: AccessTokenVerifier, claims: readonly OwnedClaims[]): void;
  /** Resolves when no back-channel logout is under way: those that begin meanwhile are waited for as well. */
  idle(): Promise<void>;
}

export function createEngine(dependencies: Dependencies): BoundEngine {
  const { issuer, core, store, clock, log, mostInCookie } = dependencies;
  const scope = restScope(core.apiScopes);
  let bound:
    | { provider: Provider; verifier: AccessTokenVerifier; claims: readonly OwnedClaims[] }
    | undefined;
  const running = new Set<Promise<void>>();
  const inTurn = atMost(LOGOUTS_AT_ONCE);
  const lookUp = atMost(LOOK_UPS_AT_ONCE);

  const parts = () => {
    if (!bound) throw new Error('the OIDC engine is used before the server was built');
    return bound;
  };
  const provider = (): Provider => parts().provider;

  const isOwnClient = async (clientId: string): Promise<boolean> =>
    clientId === REST_CLIENT_ID ||
    (await provider().Client.find(clientId))?.['first_party'] === true;

  const tell = async (clientId: string, userId: string, uid: string): Promise<void> => {
    try {
      const client = await lookUp(() => provider().Client.find(clientId));
      if (client?.backchannelLogoutUri)
        await (client as LogoutClient).backchannelLogout(userId, uid);
    } catch (error) {
      log.warn(
        { event: 'backchannel_logout.failed', client_id: clientId, sid: uid, err: error },
        'back-channel logout failed',
      );
    }
  };

  return {
    issuer,
    restClient: { id: REST_CLIENT_ID, scope },

    bind(built, verifier, claims) {
      bound = { provider: built, verifier, claims };
    },

    async roomForClaims(names, userId) {
      const most = mostInCookie;
      if (userId === undefined) return roomBeside({}, { issuer, core, most });
      const others = parts().claims.filter(
        ({ source }) => !source.names.some((name) => names.includes(name)),
      );
      const scopes = new Set(scope.split(' '));
      const subject = { userId, clientId: REST_CLIENT_ID, scopes, forApi: true };
      const claims = await collectClaims(others, 'access_token', subject);
      return roomBeside(claims, { issuer, core, most });
    },

    async sessionOfToken(token) {
      const claims = await parts().verifier.forSignOut(token);
      return claims && (await isOwnClient(claims.client_id)) ? claims.sid : undefined;
    },

    async idle() {
      while (running.size > 0) await Promise.all(running);
    },

    async openSession({ uid, userId, authTime, amr }: LiveSession) {
      const { Session } = provider();
      const session = new (Session as unknown as new (payload: object) => Session)({ uid });
      session.loginAccount({ accountId: userId, loginTs: authTime, amr: [...amr] } as never);
      await session.save(core.sessionIdleTtl);
      return { name: 'session', value: idOf(session), maxAge: core.sessionIdleTtl };
    },

    async reopenSession(uid, version) {
      const id = idOf(new (provider().Session as unknown as new (payload: object) => Session)({}));
      await keepPointer(store, id, { uid, version }, core.sessionTtl);
      return { name: 'session', value: id, maxAge: core.sessionIdleTtl };
    },

    async currentSession({ req, res }) {
      const session = await provider().Session.get({ req, res } as never);
      if (!session.accountId) return undefined;
      const { uid, accountId: userId, loginTs: authTime = 0, amr = [] } = session;
      return { uid, userId, authTime, amr };
    },

    sessionOfCookie: (value) => sessionOfId(store, value),

    async isSessionLive(uid) {
      const json = await store.get(sessionKey(uid));
      const { exp = 0 } = json === undefined ? {} : (JSON.parse(json) as { exp?: number });
      return exp > epochSeconds(clock);
    },

    async touchSession(uid, authTime) {
      const json = await store.get(sessionKey(uid));
      if (json === undefined) return;
      const exp = epochSeconds(clock) + core.sessionIdleTtl;
      const renewed = authTime === undefined ? {} : { loginTs: authTime };
      const record = { ...(JSON.parse(json) as object), ...renewed, exp };
      await store.set(sessionKey(uid), JSON.stringify(record), core.sessionIdleTtl);
    },

    async closeSession({ uid, userId, clients }) {
      await store.delete(sessionKey(uid));
      for (const clientId of clients) {
        const told = inTurn(() => tell(clientId, userId, uid)).finally(() => running.delete(told));
        running.add(told);
      }
    },

    async issueAccessToken({ userId, grantId, sessionId, scope }) {
      const { AccessToken, Client, ResourceServer } = provider();
      const client = await Client.find(REST_CLIENT_ID);
      const token = new AccessToken({
        accountId: userId,
        client,
        grantId,
        gty: 'password',
        scope,
        sessionUid: sessionId,
      } as never);
      const resource = resourceServer(core, core.apiAudience, scope);
      token.resourceServer = new ResourceServer(core.apiAudience, resource as never);
      const value = await token.save();
      const { exp = 0 } = decodeJwt(value);
      // All of them, also when the token was shortened.
      const { roles = [] } = (token.extra ?? {}) as { readonly roles?: readonly string[] };
      return { token: value, expiresAt: exp, roles };
    },
  };
}

/** A member of oidc-provider's clients that its types leave out. */
type LogoutClient = Client & { backchannelLogout(accountId: string, sid: string): Promise<void> };

/** The bearer value for the cookie. */
const idOf = (session: Session): string => (session as unknown as { id: string }).id;
