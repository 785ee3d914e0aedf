/** Everything this application asks of the authorization server. */
import * as client from 'openid-client';
import type { PendingSignIn, SignedIn } from './sessions.ts';
import { isLoopback, type Settings } from './settings.ts';

/** The last one is the API's. */
const SCOPE = 'openid profile email reports';
/** Seconds. */
const TIMEOUT = 10;

export interface SignInRequest {
  readonly url: URL;
  readonly state: string;
  readonly pending: PendingSignIn;
}

/** Methods throw openid-client's errors, also when the server cannot be reached. */
export interface OpenId {
  /** Where to send the browser (OIDC Core §3.1.2.1, RFC 7636). `prompt`: what the server must or must not ask. */
  beginSignIn(prompt?: string): Promise<SignInRequest>;
  /** Checks the answer that came to the redirect URI, redeems its code, validates the ID token. */
  finishSignIn(answer: URL, state: string, pending: PendingSignIn): Promise<SignedIn>;
  refresh(user: SignedIn): Promise<SignedIn>;
  userinfo(user: SignedIn): Promise<client.UserInfoResponse>;
  /** OIDC RP-Initiated Logout 1.0 §2. */
  signOutUrl(user: SignedIn): Promise<URL>;
  jwksUri(): Promise<URL>;
}

export function createOpenId(settings: Settings, now: () => number): OpenId {
  const configuration = discoverLazily(settings);
  const urlOf = (path: string): string => new URL(path, settings.baseUrl).href;

  return {
    async beginSignIn(prompt) {
      const config = await configuration();
      const state = client.randomState();
      const nonce = client.randomNonce();
      const codeVerifier = client.randomPKCECodeVerifier();
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: urlOf('/callback'),
        scope: SCOPE,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(prompt === undefined ? {} : { prompt }),
      });
      return { url, state, pending: { nonce, codeVerifier } };
    },

    async finishSignIn(answer, state, { nonce, codeVerifier }) {
      const tokens = await client.authorizationCodeGrant(await configuration(), answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      });
      return toSignedIn(tokens, now());
    },

    async refresh(user) {
      const tokens = await client.refreshTokenGrant(await configuration(), user.refreshToken ?? '');
      return toSignedIn(tokens, now(), user);
    },

    userinfo: async ({ accessToken, claims }) =>
      client.fetchUserInfo(await configuration(), accessToken, claims.sub),

    signOutUrl: async ({ idToken }) =>
      client.buildEndSessionUrl(await configuration(), {
        id_token_hint: idToken,
        post_logout_redirect_uri: urlOf('/signed-out'),
      }),

    jwksUri: async () => new URL((await configuration()).serverMetadata().jwks_uri ?? ''),
  };
}

/** The discovery document, fetched when first needed; a failure is not kept, so the server may start later. */
function discoverLazily(settings: Settings): () => Promise<client.Configuration> {
  const { issuer, clientId, clientSecret, idTokenAlg } = settings;
  const discover = () =>
    client.discovery(
      issuer,
      clientId,
      { id_token_signed_response_alg: idTokenAlg },
      client.ClientSecretBasic(clientSecret),
      {
        timeout: TIMEOUT,
        execute: [
          // Without this, TLS alone vouches for ID tokens (OIDC Core §3.1.3.7 rule 6).
          client.enableNonRepudiationChecks,
          ...(isLoopback(issuer) ? [client.allowInsecureRequests] : []),
        ],
      },
    );
  let found: Promise<client.Configuration> | undefined;
  return () => {
    found ??= discover().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
}

type Tokens = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

/** A refresh may leave out the ID token and the refresh token: then the ones of before go on (RFC 6749 §6). */
function toSignedIn(tokens: Tokens, now: number, before?: SignedIn): SignedIn {
  const claims = tokens.claims() ?? before?.claims;
  const idToken = tokens.id_token ?? before?.idToken;
  if (!claims || idToken === undefined) throw new Error('There is no ID token in the answer');
  if (before && claims.sub !== before.claims.sub) throw new Error('The subject changed');
  return {
    claims,
    idToken,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? before?.refreshToken,
    expiresAt: now + (tokens.expiresIn() ?? 0) * 1000,
  };
}
