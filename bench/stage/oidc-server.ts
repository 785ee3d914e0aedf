/** Whoever answers at `/oidc/authorize` and `/oidc/token`: ours and oidc-provider alone are asked the same. */
import { createHash, randomBytes } from 'node:crypto';
import type { Step } from '../load/generate-load.ts';
import { cookiesOf, expectStatus, type HttpClient } from '../load/http-client.ts';

export interface ClientCredentials {
  readonly id: string;
  readonly secret: string;
}

export interface OidcServer {
  readonly pid: number;
  readonly http: HttpClient;
  /** A client of users, first-party, with rotating refresh tokens and ES256 ID tokens. */
  readonly web: ClientCredentials;
  /** A client for itself. */
  readonly machine: ClientCredentials;
  /** Signs the user of this number in; answers the cookies. */
  signIn(index: number): Promise<Map<string, string>>;
}

export const REDIRECT_URI = 'https://rp.example.com/callback';

interface TokenAnswer {
  readonly access_token: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
}

export const cookieHeader = (cookies: Map<string, string>): string =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');

async function callToken(
  { http }: OidcServer,
  { id, secret }: ClientCredentials,
  fields: Record<string, string>,
): Promise<TokenAnswer> {
  const reply = await http.send({
    method: 'POST',
    path: '/oidc/token',
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams(fields).toString(),
  });
  return JSON.parse(expectStatus(reply, 200).text) as TokenAnswer;
}

/** The code flow of a browser that is signed in: one redirect, then the code for tokens. */
async function runCodeFlow(server: OidcServer, cookies: Map<string, string>): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: server.web.id,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email',
    state: 'a-state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const reply = await server.http.send({
    path: `/oidc/authorize?${query}`,
    headers: { cookie: cookieHeader(cookies) },
  });
  for (const [name, value] of cookiesOf(expectStatus(reply, 303))) cookies.set(name, value);
  const code = new URL(reply.headers.location ?? '').searchParams.get('code');
  if (code === null) throw new Error(`no code: ${reply.headers.location}`);
  return callToken(server, server.web, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: verifier,
  });
}

/** One worker each; every one begins signed in. */
export const codeFlowWorkers = (server: OidcServer, count: number): Promise<Step[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Step> => {
      const cookies = await server.signIn(index);
      return async () => void (await runCodeFlow(server, cookies));
    }),
  );

/** Each goes on with the refresh token it got last. */
export const refreshWorkers = (server: OidcServer, count: number): Promise<Step[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Step> => {
      let { refresh_token: token = '' } = await runCodeFlow(server, await server.signIn(index));
      return async () => {
        const fields = { grant_type: 'refresh_token', refresh_token: token };
        const answer = await callToken(server, server.web, fields);
        if (!answer.id_token || !answer.refresh_token) throw new Error('a token is missing');
        token = answer.refresh_token;
      };
    }),
  );

export const clientCredentialsWorkers = (server: OidcServer, count: number): Step[] =>
  Array.from({ length: count }, () => async () => {
    await callToken(server, server.machine, { grant_type: 'client_credentials' });
  });

export const getWorkers = (
  http: HttpClient,
  path: string,
  count: number,
  headers: Readonly<Record<string, string>> = {},
): Step[] =>
  Array.from({ length: count }, () => async () => {
    expectStatus(await http.send({ path, headers }), 200);
  });
