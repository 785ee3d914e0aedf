/** oidc-provider's models on the state store. PostgreSQL (`GrantFence`) judges codes and refresh tokens. */
import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider';
import type { Random } from '../kernel/clock.ts';
import { CodeReplayed, type GrantFence, type SessionFence } from '../kernel/oidc.ts';
import type { CoreSettings } from '../kernel/plugin.ts';
import type { StateStore } from '../kernel/store.ts';
import { libraryTime } from './library-clock.ts';
import { ACTED_ON } from './lifetimes.ts';
import { refuseToStore } from './request-sizes.ts';
import type { StoredResources } from './resources.ts';
import { createSessionAdapter } from './session-adapter.ts';
import { lifetime, storeKey } from './store-key.ts';
import { wrapUnavailable } from './unavailable.ts';

export interface AdapterDependencies {
  readonly store: StateStore;
  readonly random: Random;
  readonly grants: GrantFence;
  readonly sessions: SessionFence;
  readonly core: Pick<CoreSettings, 'sessionTtl'>;
  readonly resources: StoredResources;
  /** Puts one access token on the denylist. */
  readonly denyToken: (jti: string) => Promise<void>;
  /** Adapters that plugins bring, by model name. */
  readonly contributed: Readonly<Record<string, Adapter>>;
}

/** Seconds a replay-detection claim is held before its own lifetime is known. */
const CLAIM = 3600;
/**
 * Seconds that what may come once is remembered at least. oidc-provider says 300 of a DPoP proof, from its use on; a proof
 * counts until 300 s after its `iat`, and that may be 300 s ahead. The rest is for clocks that differ.
 */
const REMEMBERED = 660;

const currentRoute = (): string | undefined => Provider.ctx?.oidc?.route;

/** A record that is written, read and deleted; each is one command. */
function plainAdapter(name: string, store: StateStore): Adapter {
  const nothing = async (): Promise<undefined> => undefined;
  return {
    async upsert(id, { jti: _id, ...payload }, expiresIn) {
      await store.set(storeKey(name, id), JSON.stringify(payload), lifetime(expiresIn));
    },
    async find(id) {
      const json = await store.get(storeKey(name, id));
      return json === undefined ? undefined : { ...(JSON.parse(json) as AdapterPayload), jti: id };
    },
    async destroy(id) {
      await store.delete(storeKey(name, id));
    },
    consume: nothing,
    findByUid: nothing,
    findByUserCode: nothing,
    revokeByGrantId: nothing,
  };
}

/** Codes and refresh tokens are stored with the resources of their grants. */
const withResources = (plain: Adapter, resources: StoredResources): Adapter => ({
  ...plain,
  upsert: (id, payload, expiresIn) => plain.upsert(id, resources.write(payload), expiresIn),
  async find(id) {
    const payload = (await plain.find(id)) as AdapterPayload | undefined;
    return payload && resources.read(payload);
  },
});

/** One success a code (RFC 6749 §4.1.2); who comes second is told so by PostgreSQL. */
function codeAdapter({ store, grants, resources }: AdapterDependencies): Adapter {
  const plain = withResources(plainAdapter('AuthorizationCode', store), resources);
  return {
    ...plain,
    async consume(id) {
      const code = (await plain.find(id)) as AdapterPayload | undefined;
      if (!code?.grantId) throw new errors.InvalidGrant('authorization code not found');
      try {
        await grants.redeemCode(code.grantId, storeKey('AuthorizationCode', id));
      } catch (error) {
        if (!(error instanceof CodeReplayed)) throw error;
        throw new errors.InvalidGrant('authorization code already used');
      }
    },
  };
}

/**
 * Refresh tokens. `consume` does nothing: the successor is stored first, and the one compare-and-set that
 * decides comes with it in `upsert`, so nothing that may fail is left to do once the old token is used up.
 */
function refreshTokenAdapter(dependencies: AdapterDependencies, read: GrantsOfRequests): Adapter {
  const { store, grants, sessions, random, resources } = dependencies;
  const plain = withResources(plainAdapter('RefreshToken', store), resources);
  return {
    ...plain,
    async upsert(id, payload, expiresIn) {
      await plain.upsert(id, payload, expiresIn);
      const rotations = payload['rotations'] as number | undefined;
      if (!rotations) return;
      const { outcome } = await grants.rotate(
        payload.grantId ?? '',
        rotations - 1,
        random.token(16),
      );
      if (outcome === 'rotated') return;
      await plain.destroy(id);
      throw new errors.InvalidGrant('refresh token already used');
    },
    async find(id) {
      const payload = (await plain.find(id)) as AdapterPayload | undefined;
      if (!payload) return undefined;
      const from = (payload['rotations'] as number | undefined) ?? 0;
      const inspected = await grants.inspect(payload.grantId ?? '', from);
      const { outcome } = inspected;
      if (outcome === 'current') {
        read.keep(inspected.grant);
        return payload;
      }
      if (outcome === 'ended') return undefined;
      if (outcome === 'same' && currentRoute() === 'token') {
        // A parallel request of the same client won; the family lives on (api.md "Tokens").
        throw new errors.InvalidGrant('refresh token was just used');
      }
      return { ...payload, consumed: 1 };
    },
    async revokeByGrantId(grantId) {
      // At the token endpoint oidc-provider revokes for one reason only: the token was used before.
      if (currentRoute() === 'token') await sessions.refreshReplayed(grantId);
    },
  };
}

/** The grant as it was read with a refresh token: the same request need not read it again. */
interface GrantsOfRequests {
  keep(grant: AdapterPayload): void;
  /** Once. */
  take(id: string): AdapterPayload | undefined;
}

function createGrantsOfRequests(): GrantsOfRequests {
  const grants = new WeakMap<object, AdapterPayload>();
  return {
    keep(grant) {
      const { ctx } = Provider;
      if (ctx) grants.set(ctx, grant);
    },
    take(id) {
      const { ctx } = Provider;
      const grant = ctx && grants.get(ctx);
      if (!ctx || grant?.jti !== id) return undefined;
      grants.delete(ctx);
      return grant;
    },
  };
}

/** Whether the grant still lives when the tokens are made, `rotate` decides, whatever was read before. */
const grantAdapter = (
  { grants: { adapter: grants }, resources }: AdapterDependencies,
  read: GrantsOfRequests,
): Adapter => ({
  ...grants,
  async find(id) {
    const payload = read.take(id) ?? (await grants.find(id));
    return payload && resources.readGrant(payload, Provider.ctx?.oidc?.client);
  },
});

/**
 * Pending requests: stored without the session's bearer value, which oidc-provider puts in and never reads. When one
 * ends the store says alone: a post of its person prolongs it there (`keep-interaction.ts`).
 */
function interactionAdapter({ store }: AdapterDependencies): Adapter {
  const plain = plainAdapter('Interaction', store);
  return {
    ...plain,
    async upsert(id, payload, expiresIn) {
      const { cookie: _cookie, ...session } = payload.session ?? {};
      const kept = (payload.session ? { ...payload, session } : payload) as AdapterPayload;
      if (!kept['lastSubmission'] && !kept['result']) refuseToStore(JSON.stringify(kept));
      await plain.upsert(id, kept, expiresIn);
    },
    async find(id) {
      const found = (await plain.find(id)) as AdapterPayload | undefined;
      return found && { ...found, exp: libraryTime() + ACTED_ON };
    },
  };
}

/** PAR request URIs are used once (RFC 9126 §4). */
function requestAdapter({ store }: AdapterDependencies): Adapter {
  const name = 'PushedAuthorizationRequest';
  const plain = plainAdapter(name, store);
  return {
    ...plain,
    async upsert(id, payload, expiresIn) {
      refuseToStore(JSON.stringify(payload));
      await plain.upsert(id, payload, expiresIn);
    },
    async consume(id) {
      const consumption = await store.consumeOnce(storeKey(name, id));
      if (!consumption?.first) throw new errors.InvalidRequestUri('request_uri was already used');
    },
  };
}

/** `jti`s of client assertions and DPoP proofs: looking one up claims it. */
function replayAdapter({ store }: AdapterDependencies): Adapter {
  const name = 'ReplayDetection';
  return {
    ...plainAdapter(name, store),
    async find(id) {
      const isFirst = await store.setIfAbsent(storeKey(name, id), '1', CLAIM);
      return isFirst ? undefined : { jti: id, kind: name };
    },
    async upsert(id, _payload, expiresIn) {
      await store.expire(storeKey(name, id), Math.max(REMEMBERED, lifetime(expiresIn)));
    },
  };
}

/** Access tokens are JWTs and stored nowhere; revoking one denies its `jti`. */
function accessTokenAdapter(name: string, { store, denyToken }: AdapterDependencies): Adapter {
  return {
    ...plainAdapter(name, store),
    find: async () => undefined,
    destroy: (jti) => denyToken(jti),
    async upsert() {
      throw new Error('access tokens are JWTs: no resource was resolved for this one');
    },
  };
}

function createAdapter(
  name: string,
  dependencies: AdapterDependencies,
  read: GrantsOfRequests,
): Adapter {
  switch (name) {
    case 'AuthorizationCode':
      return codeAdapter(dependencies);
    case 'RefreshToken':
      return refreshTokenAdapter(dependencies, read);
    case 'Grant':
      return grantAdapter(dependencies, read);
    case 'PushedAuthorizationRequest':
      return requestAdapter(dependencies);
    case 'ReplayDetection':
      return replayAdapter(dependencies);
    case 'Session':
      return createSessionAdapter(dependencies);
    case 'Interaction':
      return interactionAdapter(dependencies);
    case 'AccessToken':
    case 'ClientCredentials':
      return accessTokenAdapter(name, dependencies);
    default:
      return dependencies.contributed[name] ?? plainAdapter(name, dependencies.store);
  }
}

/** The `adapter` of oidc-provider's configuration: one instance a model, cached by the library. */
export function createAdapterFactory(dependencies: AdapterDependencies) {
  const read = createGrantsOfRequests();
  return (name: string): Adapter => wrapUnavailable(createAdapter(name, dependencies, read));
}
