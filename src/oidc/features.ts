/** Which features are on, and who may use them. */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { CoreSettings, Secrets } from '../kernel/plugin.ts';
import { resourceServer } from './resource-server.ts';
import { audienceOf, defaultResource, type Resources } from './resources.ts';
import { grantableByUsers, grantableScopes, REST_CLIENT_ID } from './scopes.ts';
import { type SignOutDependencies, signOutPages } from './sign-out.ts';

interface FeatureDependencies extends SignOutDependencies {
  readonly core: CoreSettings;
  readonly resources: Resources;
  readonly secrets: Secrets;
}

export function features(dependencies: FeatureDependencies): Configuration['features'] {
  const { core, secrets, resources } = dependencies;
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    // For keys that sign in place (`signing-key.ts`).
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: signOutPages(dependencies),
    revocation: { enabled: true, allowedPolicy: ownToken },
    introspection: {
      enabled: true,
      // Of a client that is gone nothing is active; tokens of its own have no grant that ended with it.
      allowedPolicy: async (ctx, client, token) =>
        ownToken(ctx, client, token) ||
        (grantableScopes(client).has('introspect') &&
          (await ctx.oidc.provider.Client.find(token.clientId ?? '')) !== undefined),
    },
    dPoP: { enabled: true, nonceSecret: secrets.keys('dpop-nonce')[0] },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (ctx, _client, oneOf) =>
        defaultResource(ctx, oneOf as readonly string[] | undefined, resources),
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx, resource, client) => {
        const audience = audienceOf(ctx, resource, resources);
        const isForItself = ctx.oidc.params?.['grant_type'] === 'client_credentials';
        const scopes = isForItself ? grantableScopes(client) : grantableByUsers(client);
        return resourceServer(core, audience, [...scopes].join(' '));
      },
    },
  } as Configuration['features'];
}

/** Anybody could ask in the name of the REST API's pseudo-client, which has no secret. */
const ownToken = (
  _ctx: KoaContextWithOIDC,
  client: { clientId: string },
  token: { clientId?: string | undefined },
): boolean => client.clientId !== REST_CLIENT_ID && token.clientId === client.clientId;
