/** Another OpenID provider, as real as ours: whoever comes is signed in there already, as `person`. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';

export interface UpstreamPerson {
  sub: string;
  /** Claims of ID token and userinfo. */
  claims: Record<string, unknown>;
}

export interface Upstream {
  readonly issuer: string;
  /** Who is signed in there now. */
  person: UpstreamPerson;
  /** Authorization requests so far, the newest last. */
  readonly requests: URLSearchParams[];
  /** Tokens that were given back. */
  readonly revocations: string[];
  /** Answers `access_denied` instead of a code. */
  denies: boolean;
  open(options: UpstreamOptions): void;
  close(): Promise<void>;
}

export interface UpstreamOptions {
  readonly redirectUris: readonly string[];
  /** E-mail and name at the userinfo endpoint only, as the standard has it. */
  readonly conformIdTokenClaims?: boolean;
}

export const UPSTREAM_CLIENT = { id: 'our-client', secret: 'our-secret-at-the-other-provider' };

const SECOND = 1;

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const configuration = (upstream: () => Upstream, options: UpstreamOptions): Configuration => ({
  clients: [
    {
      client_id: UPSTREAM_CLIENT.id,
      client_secret: UPSTREAM_CLIENT.secret,
      redirect_uris: [...options.redirectUris],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'locale', 'hd'],
  },
  conformIdTokenClaims: options.conformIdTokenClaims ?? false,
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  pkce: { required: () => true },
  ttl: {
    Session: 600 * SECOND,
    Grant: 600 * SECOND,
    AccessToken: 600 * SECOND,
    IdToken: 600 * SECOND,
  },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  findAccount: (_ctx, sub) => {
    const { claims } = upstream().person;
    return { accountId: sub, claims: () => ({ sub, ...claims }) };
  },
});

/** Listens, so that its issuer is known; `open` says which redirect URIs our client has, and from then on it answers. */
export async function startUpstream(): Promise<Upstream> {
  const server = createServer();
  const issuer = await listen(server);
  const upstream: Upstream = {
    issuer,
    person: { sub: 'upstream-1', claims: {} },
    requests: [],
    revocations: [],
    denies: false,
    open(options) {
      const answer = signsEverybodyIn(upstream, options).callback();
      server.on('request', (req, res) => void answer(req, res));
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return upstream;
}

function signsEverybodyIn(upstream: Upstream, options: UpstreamOptions): Provider {
  const provider = new Provider(
    upstream.issuer,
    configuration(() => upstream, options),
  );
  provider.on('server_error', (_ctx, error) => process.stderr.write(`${String(error.stack)}\n`));
  provider.on('access_token.destroyed', ({ jti }) => upstream.revocations.push(jti));
  provider.use(async (ctx, next) => {
    if (ctx.path === '/auth') {
      upstream.requests.push(new URLSearchParams(ctx.querystring));
      forgetSession(ctx.req, ctx.res);
    }
    const [, uid] = /^\/interaction\/([^/]+)$/.exec(ctx.path) ?? [];
    if (uid === undefined) return next();
    const { params, prompt } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.respond = false;
    if (upstream.denies) {
      await provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied' });
    } else if (prompt.name === 'login') {
      const login = { accountId: upstream.person.sub };
      await provider.interactionFinished(ctx.req, ctx.res, { login });
    } else {
      const grant = new provider.Grant({
        accountId: upstream.person.sub,
        clientId: String(params['client_id']),
      });
      grant.addOIDCScope('openid email profile');
      const consent = { grantId: await grant.save() };
      await provider.interactionFinished(
        ctx.req,
        ctx.res,
        { consent },
        { mergeWithLastSubmission: true },
      );
    }
  });
  return provider;
}

/** Whoever comes is the person of now, not the one of the last time. */
function forgetSession({ headers }: IncomingMessage, response: ServerResponse): void {
  const cookies = (headers.cookie ?? '').split('; ').filter(Boolean);
  const [ended, kept] = [true, false].map((is) =>
    cookies.filter((one) => one.startsWith('_session') === is),
  );
  headers.cookie = kept?.join('; ');
  const names = ended?.map((one) => one.split('=')[0]) ?? [];
  response.setHeader(
    'set-cookie',
    names.map((name) => `${name}=; path=/; max-age=0`),
  );
}
