/** The least OpenID provider that openid-client takes, without pages: a test decides what it answers. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type JWTPayload, SignJWT } from 'jose';
import { createSigningKey, publicJwk } from './key-server.ts';

export const CLIENT_ID = 'client-1';

export interface FakeIssuer {
  readonly issuer: string;
  /** The nonce and session that the next ID token names. */
  nonce: string;
  sid: string;
  /** Bodies that came to the token endpoint. */
  readonly tokenRequests: URLSearchParams[];
  /** True: the token endpoint answers `invalid_grant`. */
  refuses: boolean;
  /** True: ID tokens are signed with a key that is not in the JWKS, under a kid that is. */
  forges: boolean;
  logoutToken(claims: JWTPayload): Promise<string>;
  close(): Promise<void>;
}

export const ACCESS_TOKEN = 'secret-access-token';
export const REFRESH_TOKEN = 'secret-refresh-token';

/** Listens on `port`, or on any. */
export async function startFakeIssuer(port = 0): Promise<FakeIssuer> {
  const key = await createSigningKey('RS256', 'rs');
  const stranger = await createSigningKey('RS256', 'rs');
  const jwks = { keys: [await publicJwk(key)] };
  const tokenRequests: URLSearchParams[] = [];

  const sign = (claims: JWTPayload, typ: string): Promise<string> =>
    new SignJWT({ iss: fake.issuer, aud: CLIENT_ID, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ })
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign((fake.forges ? stranger : key).privateKey);

  const tokens = async () => ({
    access_token: ACCESS_TOKEN,
    refresh_token: REFRESH_TOKEN,
    token_type: 'Bearer',
    expires_in: 600,
    id_token: await sign({ sub: 'user-1', sid: fake.sid, nonce: fake.nonce }, 'JWT'),
  });

  const answer = async (req: IncomingMessage): Promise<[number, object]> => {
    const path = req.url ?? '';
    if (path.endsWith('/openid-configuration')) return [200, discovery(fake.issuer)];
    if (path === '/jwks') return [200, jwks];
    if (path === '/userinfo') return [200, { sub: 'user-1', email: 'ada@example.com' }];
    if (path !== '/token') return [404, {}];
    tokenRequests.push(new URLSearchParams(await read(req)));
    return fake.refuses ? [400, { error: 'invalid_grant' }] : [200, await tokens()];
  };

  const server = createServer((req, res) => {
    answer(req).then(
      ([status, body]) => json(res, status, body),
      (error: Error) => json(res, 500, { error: error.message }),
    );
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const fake: FakeIssuer = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nonce: '',
    sid: 'session-1',
    tokenRequests,
    refuses: false,
    forges: false,
    logoutToken: (claims) => {
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
      return sign({ events, jti: `jti-${tokenCount++}`, ...claims }, 'logout+jwt');
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  let tokenCount = 0;
  return fake;
}

const discovery = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  end_session_endpoint: `${issuer}/logout`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  id_token_signing_alg_values_supported: ['RS256'],
});

function json(res: ServerResponse, status: number, body: object): void {
  res.statusCode = status;
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(body));
}

async function read(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
