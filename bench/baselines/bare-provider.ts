/**
 * The limit for tokens and the code flow: oidc-provider alone, its own Koa app, on the same Redis. Same algorithms,
 * token formats, scopes, client authentication and rotation as ours; clients and accounts cost it nothing.
 */

import { Redis } from 'ioredis';
import { exportJWK, generateKeyPair } from 'jose';
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { baselineArguments, reportReady } from './baseline-process.ts';
import { createRedisAdapter } from './redis-adapter.ts';

export interface BareProviderArguments {
  readonly port: number;
  readonly redisUrl: string;
  readonly redirectUri: string;
  readonly secret: string;
}

const TTL = 600;
const LONG = 14 * 86_400;

async function signingKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bare' };
}

const clients = ({ secret, redirectUri }: BareProviderArguments): Configuration['clients'] => [
  {
    client_id: 'machine',
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  },
  {
    client_id: 'web',
    client_secret: secret,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [redirectUri],
    response_types: ['code'],
  },
];

/** What a user has agreed to is remembered nowhere: each authorization makes a grant, as with our first-party clients. */
async function loadExistingGrant({ oidc }: KoaContextWithOIDC) {
  const { client, session, provider } = oidc;
  if (!client || !session?.accountId) return undefined;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope('openid profile email');
  await grant.save();
  return grant;
}

const resources = (audience: string): Configuration['features'] => ({
  devInteractions: { enabled: false },
  clientCredentials: { enabled: true },
  revocation: { enabled: true },
  introspection: { enabled: true },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => audience,
    useGrantedResource: () => true,
    getResourceServerInfo: () => ({
      scope: '',
      audience,
      accessTokenTTL: TTL,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'ES256' } },
    }),
  },
});

async function createBareProvider(args: BareProviderArguments, redis: Redis): Promise<Provider> {
  const issuer = `http://127.0.0.1:${args.port}`;
  return new Provider(issuer, {
    adapter: createRedisAdapter(redis),
    jwks: { keys: [await signingKey()] },
    clients: clients(args) ?? [],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    routes: { authorization: '/oidc/authorize', token: '/oidc/token' },
    responseTypes: ['code'],
    cookies: { keys: ['a key of the benchmark'] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    pkce: { required: () => true },
    findAccount: async (_ctx, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, name: 'A Person', email: 'a@example.com', email_verified: true }),
    }),
    extraTokenClaims: async (_ctx, token) =>
      token.kind === 'AccessToken' ? { roles: ['user'], roles_ver: 1 } : undefined,
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant,
    ttl: {
      AccessToken: TTL,
      ClientCredentials: TTL,
      AuthorizationCode: 60,
      IdToken: TTL,
      Interaction: TTL,
      RefreshToken: LONG,
      Session: LONG,
      Grant: LONG,
    },
    features: resources(`${issuer}/api`),
  });
}

/** `GET /session?sub=…` signs somebody in. */
function seedSessions(provider: Provider): void {
  const Session = provider.Session as unknown as new () => SeedableSession;
  provider.use(async (ctx, next) => {
    if (ctx.path !== '/session') return next();
    const session = new Session();
    session.loginAccount({ accountId: String(ctx.query['sub']), amr: ['pwd'] });
    await session.save(LONG);
    ctx.cookies.set('_session', session.id, { httpOnly: true, signed: true });
    ctx.status = 204;
  });
}

interface SeedableSession {
  readonly id: string;
  loginAccount(login: { accountId: string; amr: string[] }): void;
  save(ttl: number): Promise<string>;
}

const args = baselineArguments<BareProviderArguments>();
const provider = await createBareProvider(args, new Redis(args.redisUrl));
seedSessions(provider);
provider.listen(args.port, '127.0.0.1', reportReady);
