/** The one `new Provider`: everything that oidc-provider is told, from one settings file a topic. */
import {
  type Configuration,
  errors,
  interactionPolicy,
  type JWK,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import type { AccountSource, ConsentSource, Prompt } from '../kernel/oidc.ts';
import type { CoreSettings, GrantHandler, Secrets } from '../kernel/plugin.ts';
import { ACCESS_TOKEN_ALG } from './access-token.ts';
import { createFindAccount } from './accounts.ts';
import { type AdapterDependencies, createAdapterFactory } from './adapter.ts';
import { type OwnedClaims, scopeClaims } from './claims.ts';
import { createLoadExistingGrant } from './existing-grant.ts';
import { createRenderError } from './render-error.ts';
import { grantableScopes, OPENID_SCOPES, REST_CLIENT_ID } from './scopes.ts';
import { type SignOutDependencies, signOutPages } from './sign-out.ts';
import { createTokenClaims } from './token-claims.ts';

export interface ProviderDependencies extends AdapterDependencies, SignOutDependencies {
  readonly issuer: string;
  readonly core: CoreSettings;
  readonly secrets: Secrets;
  readonly keys: readonly JWK[];
  readonly accounts: AccountSource;
  readonly consents: ConsentSource;
  readonly claims: readonly OwnedClaims[];
  readonly prompts: readonly Prompt[];
  readonly grantHandlers: Readonly<Record<string, GrantHandler>>;
  /** Compares a presented client secret with what is stored, in constant time. */
  readonly isClientSecret: (stored: string, presented: string) => boolean;
}

/** Paths below PUBLIC_URL (api.md "OIDC"). */
const ROUTES = {
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
  const tokenClaims = createTokenClaims(claims);
  const provider = new Provider(issuer, {
    adapter: createAdapterFactory(dependencies),
    jwks: { keys: [...keys] },
    routes: ROUTES,
    responseTypes: ['code'],
    scopes: [...OPENID_SCOPES],
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
    extraClientMetadata: { properties: ['first_party', 'allowed_scopes'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientBasedCORS: () => false,
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    findAccount: createFindAccount(dependencies.accounts, claims),
    loadExistingGrant: createLoadExistingGrant({ ...dependencies, audience: core.apiAudience }),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Sessions end their grants in PostgreSQL; tokens need not look the session up.
    expiresWithSession: async () => false,
    rotateRefreshToken: tokenClaims.rotateRefreshToken,
    extraTokenClaims: tokenClaims.extraTokenClaims,
    formats: { customizers: { jwt: audienceOf(issuer) } },
    interactions: { policy: policy(dependencies.prompts), url: interactionUrl(core.publicUrl) },
    renderError: createRenderError(render),
    cookies: cookies(dependencies),
    ttl: lifetimes(core),
    features: features(dependencies),
    enabledJWA: {
      idTokenSigningAlgValues: [...ID_TOKEN_ALGS],
      userinfoSigningAlgValues: [...ID_TOKEN_ALGS],
      introspectionSigningAlgValues: [...ID_TOKEN_ALGS],
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA', 'RS256'],
    },
  } as Configuration);
  overrideModels(provider, dependencies.isClientSecret);
  for (const [name, handler] of Object.entries(grantHandlers)) {
    provider.registerGrantType(name, handler as never);
  }
  return provider;
}

const interactionUrl =
  (publicUrl: URL) =>
  (_ctx: unknown, { uid }: { uid: string }) =>
    `${publicUrl.pathname.replace(/\/$/, '')}/interaction/${uid}`;

/** A user who was disabled while signed in gets the sign-in page, not an error. */
function policy(prompts: readonly Prompt[]) {
  const base = interactionPolicy.base();
  const { Check } = interactionPolicy;
  for (const { name, requestable } of prompts) {
    if (requestable) base.add(new interactionPolicy.Prompt({ name, requestable }), 0);
  }
  base
    .get('login')
    ?.checks.add(
      new Check(
        'account_unavailable',
        'the account is not available',
        'login_required',
        (ctx) => Boolean(ctx.oidc.session?.accountId) && !ctx.oidc.account,
      ),
    );
  return base;
}

function cookies({ core, secrets }: ProviderDependencies): Configuration['cookies'] {
  const secure = core.publicUrl.protocol === 'https:';
  const shared = {
    signed: true,
    httpOnly: true,
    sameSite: 'lax',
    secure,
    overwrite: true,
  } as const;
  return {
    keys: cookieKeys(secrets),
    names: {
      session: secure ? '__Host-session' : 'session',
      interaction: secure ? '__Secure-interaction' : 'interaction',
      resume: secure ? '__Secure-resume' : 'resume',
    },
    long: { ...shared, path: '/' },
    short: shared,
  };
}

/** Keys of signed cookies, for Koa as well: both read each other's. */
export const cookieKeys = (secrets: Secrets): string[] =>
  secrets.keys('cookies').map((key) => key.toString('base64url'));

function lifetimes(core: CoreSettings): Configuration['ttl'] {
  const { accessTokenTtl, refreshTokenTtl, sessionIdleTtl, sessionTtl } = core;
  return {
    AccessToken: accessTokenTtl,
    ClientCredentials: accessTokenTtl,
    AuthorizationCode: 60,
    IdToken: accessTokenTtl,
    Interaction: 1800,
    Grant: sessionTtl,
    Session: sessionIdleTtl,
    // A family never outlives SESSION_TTL, however often it rotates.
    RefreshToken: (_ctx, token) =>
      Math.max(1, Math.min(refreshTokenTtl, sessionTtl - token.totalLifetime())),
  } as Configuration['ttl'];
}

function features(dependencies: ProviderDependencies): Configuration['features'] {
  const { core, secrets } = dependencies;
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: signOutPages(dependencies),
    revocation: { enabled: true, allowedPolicy: ownToken },
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client, token) =>
        ownToken(ctx, client, token) || grantableScopes(client).has('introspect'),
    },
    dPoP: { enabled: true, nonceSecret: secrets.keys('dpop-nonce')[0] },
    resourceIndicators: {
      enabled: true,
      defaultResource: async (_ctx, _client, oneOf) => oneOf ?? core.apiAudience,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_ctx, resource, client) => {
        if (resource !== core.apiAudience) throw new errors.InvalidTarget();
        return resourceServer(core, [...grantableScopes(client)].join(' '));
      },
    },
  } as Configuration['features'];
}

const ownToken = (
  _ctx: KoaContextWithOIDC,
  client: { clientId: string },
  token: { clientId?: string | undefined },
): boolean => token.clientId === client.clientId;

/** What access tokens are made for and how (RFC 9068). */
export const resourceServer = (core: CoreSettings, scope: string) => ({
  scope,
  audience: core.apiAudience,
  accessTokenTTL: core.accessTokenTtl,
  accessTokenFormat: 'jwt' as const,
  jwt: { sign: { alg: ACCESS_TOKEN_ALG } },
});

/** A token that was granted `openid` is for userinfo too: its audience names the issuer as well. */
const audienceOf =
  (issuer: string) =>
  (_ctx: unknown, token: { kind: string }, jwt: { payload: Record<string, unknown> }): void => {
    const scopes = String(jwt.payload['scope'] ?? '').split(' ');
    if (token.kind === 'AccessToken' && scopes.includes('openid')) {
      jwt.payload['aud'] = [jwt.payload['aud'], issuer];
    }
  };

/** Public members of the models that are ours to decide. */
function overrideModels(
  provider: Provider,
  isClientSecret: ProviderDependencies['isClientSecret'],
): void {
  const session = provider.Session.prototype as unknown as {
    uid: string;
    sidFor(clientId: string, value?: string): string | undefined;
    ensureClientContainer(clientId: string): void;
  };
  // `sid` is the session's uid everywhere (api.md "Tokens").
  session.ensureClientContainer = function (clientId) {
    this.sidFor(clientId, this.uid);
  };
  const client = provider.Client.prototype as unknown as {
    clientSecret: string;
    compareClientSecret(presented: string): boolean;
  };
  client.compareClientSecret = function (presented) {
    return isClientSecret(this.clientSecret, presented);
  };
}
