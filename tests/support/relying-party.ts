/** A relying party as tests need it: every step of the code flow, one call each. */
import { createHash, randomBytes } from 'node:crypto';
import type { NewClient } from '../../src/plugins/clients/contract.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import type { Answer, Browser, RequestOptions } from './browser.ts';
import type { Node } from './nodes.ts';
import type { TestApp } from './test-app.ts';

export const REDIRECT_URI = 'https://rp.example.com/callback';

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly access_token?: string;
    readonly refresh_token?: string;
    readonly id_token?: string;
    readonly scope?: string;
    readonly token_type?: string;
    readonly expires_in?: number;
    readonly error?: string;
    readonly error_description?: string;
  };
}

export type RelyingParty = Awaited<ReturnType<typeof createRelyingParty>>;

/** Registers a client and speaks for it. First-party unless told otherwise: no consent page. */
export async function createRelyingParty(app: TestApp, metadata: Partial<NewClient> = {}) {
  const { client, client_secret: secret } = await app.app.use(Clients).create({
    client_name: 'Test App',
    redirect_uris: [REDIRECT_URI],
    first_party: true,
    ...metadata,
  });
  const redirectUri = client.redirect_uris[0] ?? REDIRECT_URI;
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');

  /** Client authentication of a direct request. */
  const authentication = (): {
    headers?: Record<string, string>;
    fields: Record<string, string>;
  } => {
    if (secret === undefined) return { fields: { client_id: client.client_id } };
    const credentials = Buffer.from(`${client.client_id}:${secret}`).toString('base64');
    return { headers: { authorization: `Basic ${credentials}` }, fields: {} };
  };

  const post = (
    path: string,
    fields: Record<string, string>,
    options: RequestOptions = {},
    to: Node = app,
  ): Promise<Answer> => {
    const auth = authentication();
    return to.browser().request(path, {
      anonymous: true,
      ...options,
      form: { ...auth.fields, ...fields },
      headers: { ...auth.headers, ...options.headers },
    });
  };

  const token = async (
    fields: Record<string, string>,
    options: RequestOptions = {},
    to: Node = app,
  ): Promise<TokenAnswer> => {
    const answer = await post('/oidc/token', fields, options, to);
    return { status: answer.status, headers: answer.headers, body: answer.json() };
  };

  const authorizationUrl = (params: Record<string, string | undefined> = {}): string => {
    const all: Record<string, string | undefined> = {
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      state: 'a-state',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...params,
    };
    const given = Object.entries(all).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    return `/oidc/authorize?${new URLSearchParams(given)}`;
  };

  return {
    client,
    secret,
    redirectUri,
    verifier,
    challenge,
    authorizationUrl,
    post,
    token,

    /** Starts an authorization request; ends at a page of ours or at the redirect to the client. */
    authorize: (
      browser: Browser,
      params: Record<string, string | undefined> = {},
    ): Promise<Answer> => browser.open(authorizationUrl(params)),

    redeem: (code: string, fields: Record<string, string> = {}, to: Node = app) =>
      token(
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
          ...fields,
        },
        {},
        to,
      ),

    refresh: (refreshToken: string, fields: Record<string, string> = {}, to: Node = app) =>
      token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...fields }, {}, to),
  };
}

/** The code in the redirect to the client. Throws with what came instead. */
export function codeOf(answer: Answer): string {
  const code = answer.location?.searchParams.get('code');
  if (code) return code;
  throw new Error(
    `no code: ${answer.status} ${answer.location?.href ?? answer.text.slice(0, 1500)}`,
  );
}

/** The error in the redirect to the client. */
export const errorOf = (answer: Answer): string | null =>
  answer.location?.searchParams.get('error') ?? null;
