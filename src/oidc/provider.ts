/** The one `new Provider`: everything that oidc-provider is told, from one settings file a topic. */
import { type Configuration, type JWK, Provider } from 'oidc-provider';
import type { Clock } from '../kernel/clock.ts';
import type { AccountSource, ConsentSource, Prompt } from '../kernel/oidc.ts';
import type { Fetch } from '../kernel/outgoing.ts';
import type { CoreSettings, GrantHandler, Log, Secrets } from '../kernel/plugin.ts';
import { createFindAccount } from './accounts.ts';
import { type AdapterDependencies, createAdapterFactory } from './adapter.ts';
import { type OwnedClaims, scopeClaims } from './claims.ts';
import { createAssertionCheck } from './client-assertion.ts';
import { cookieSettings } from './cookie-settings.ts';
import { createLoadExistingGrant } from './existing-grant.ts';
import { features } from './features.ts';
import { letFormPostLeave } from './form-post.ts';
import { interactionUrl, policy } from './interaction-policy.ts';
import { lifetimes } from './lifetimes.ts';
import { type IsClientSecret, overrideModels } from './models.ts';
import { createRenderError } from './render-error.ts';
import { limitSignOutState, sizeChecks } from './request-sizes.ts';
import { scopeCheck } from './require-scope.ts';
import { completeAccessToken } from './resource-server.ts';
import { createStoredResources } from './resources.ts';
import { OIDC_SCOPES, REST_CLIENT_ID } from './scopes.ts';
import type { SignOutDependencies } from './sign-out.ts';
import { signingKey } from './signing-key.ts';
import { createTokenClaims } from './token-claims.ts';
import { createShortenClaims, createShortenToken } from './token-size.ts';

export interface ProviderDependencies
  extends Omit<AdapterDependencies, 'resources'>,
    SignOutDependencies {
  readonly issuer: string;
  readonly core: CoreSettings;
  readonly secrets: Secrets;
  readonly keys: readonly JWK[];
  readonly clock: Clock;
  /** Characters of an access token that its cookie has room for. */
  readonly mostInCookie: number;
  readonly log: Log;
  readonly accounts: AccountSource;
  readonly consents: ConsentSource;
  readonly claims: readonly OwnedClaims[];
  readonly prompts: readonly Prompt[];
  readonly grantHandlers: Readonly<Record<string, GrantHandler>>;
  readonly isClientSecret: IsClientSecret;
  /** For requests to clients: back-channel logout, `jwks_uri`. Its guard stands instead of oidc-provider's own. */
  readonly fetch: Fetch;
  /** Origins whose pages may call the token endpoint and its like: ours and CORS_ORIGINS. */
  readonly origins: ReadonlySet<string>;
}

/** Paths below PUBLIC_URL (api.md "OIDC"). */
export const endpointPaths = {
  authorization: '/oidc/authorize',
  token: '/oidc/token',
  userinfo: '/oidc/userinfo',
  introspection: '/oidc/introspect',
  revocation: '/oidc/revoke',
  pushed_authorization_request: '/oidc/par',
  end_session: '/oidc/logout',
  jwks: '/.well-known/jwks.json',
};

const ID_TOKEN_ALGS = ['RS256', 'ES256'] as const;

export function createProvider(dependencies: ProviderDependencies): Provider {
  const { issuer, core, grantHandlers, keys, claims, render } = dependencies;
  const resources = { own: issuer, api: core.apiAudience };
  const tokenClaims = createTokenClaims(claims, dependencies.sessions, resources);
  const provider = new Provider(issuer, {
    adapter: createAdapterFactory({ ...dependencies, resources: createStoredResources(resources) }),
    jwks: { keys: keys.map(signingKey) },
    routes: endpointPaths,
    responseTypes: ['code'],
    scopes: [...OIDC_SCOPES],
    claims: scopeClaims(claims),
    clients: [
      {
        client_id: REST_CLIENT_ID,
        client_name: 'Auth Service',
        grant_types: [],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'none',
      },
    ],
    extraClientMetadata: { properties: ['first_party', 'allowed_scopes', 'allowed_resources'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    assertJwtClientAuthClaimsAndHeader: createAssertionCheck(dependencies.clock),
    clientBasedCORS: (_ctx, origin) => dependencies.origins.has(origin),
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    extraParams: { ...sizeChecks, ...scopeCheck },
    findAccount: createFindAccount(
      dependencies.accounts,
      claims,
      createShortenClaims(dependencies.log),
    ),
    loadExistingGrant: createLoadExistingGrant({ ...dependencies, resources }),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Sessions end their grants in PostgreSQL; tokens need not look the session up.
    expiresWithSession: async () => false,
    rotateRefreshToken: tokenClaims.rotateRefreshToken,
    // Also when an access token is revoked; oidc-provider's default spares that grant.
    revokeGrantPolicy: () => true,
    extraTokenClaims: tokenClaims.extraTokenClaims,
    formats: {
      customizers: {
        jwt: completeAccessToken(issuer, dependencies.clock, createShortenToken(dependencies)),
      },
    },
    interactions: {
      policy: policy(dependencies.prompts, resources),
      url: interactionUrl(core.publicUrl),
    },
    renderError: createRenderError(render),
    fetch: dependencies.fetch,
    cookies: cookieSettings(core, dependencies.secrets),
    ttl: lifetimes(core),
    features: features({ ...dependencies, resources }),
    enabledJWA: {
      idTokenSigningAlgValues: [...ID_TOKEN_ALGS],
      userinfoSigningAlgValues: [...ID_TOKEN_ALGS],
      introspectionSigningAlgValues: [...ID_TOKEN_ALGS],
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA', 'RS256'],
    },
  } as Configuration);
  overrideModels(provider, dependencies.isClientSecret);
  letFormPostLeave(provider);
  limitSignOutState(provider, endpointPaths.end_session, createRenderError(render));
  for (const [name, handler] of Object.entries(grantHandlers)) {
    provider.registerGrantType(name, handler as never);
  }
  return provider;
}
