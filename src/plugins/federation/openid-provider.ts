import * as client from 'openid-client';
import { isLoopbackHost } from '../../kernel/addresses.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { UpstreamIdentity, UpstreamProvider } from './upstream.ts';

interface OpenIdProviderOptions {
  readonly id: string;
  readonly label: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  /** Added to the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** As `parameters`, when the person must prove again who they are. Default: `prompt=login`. */
  readonly reauthentication?: Readonly<Record<string, string>>;
  /** The claim with the e-mail address; default `email`. Userinfo is asked when the ID token has none. */
  readonly emailClaim?: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Claims of ID token and userinfo → identity. Throws a ProblemError for who is not admitted. */
  identify(claims: Claims): Omit<UpstreamIdentity, 'issuer' | 'subject'>;
}

export type Claims = Readonly<Record<string, unknown>>;

/** Milliseconds for which metadata is used; what fails is asked for again at the next sign-in. */
const METADATA_TTL = 3_600_000;

/** A provider of OpenID Connect: code flow with PKCE, state and nonce; the ID token's signature is always checked. */
export function createOpenIdProvider(options: OpenIdProviderOptions): UpstreamProvider {
  const { id, label, issuer, clientId } = options;
  const discover = createDiscovery(options);

  return {
    ...{ id, label, issuer, answersSilently: true },

    async begin({ redirectUri, state, nonce, codeChallenge, reauthenticate }) {
      return client.buildAuthorizationUrl(await discover(), {
        scope: options.scope,
        redirect_uri: redirectUri,
        ...{ state, nonce, code_challenge: codeChallenge, code_challenge_method: 'S256' },
        ...options.parameters,
        // OIDC Core §3.1.2.1: with max_age the ID token must say when (`auth_time`).
        ...(reauthenticate && {
          max_age: '0',
          ...(options.reauthentication ?? { prompt: 'login' }),
        }),
      });
    },

    async finish({ redirectUri, state, nonce, codeVerifier, parameters }) {
      const config = await discover();
      const response = new URL(`${redirectUri}?${parameters}`);
      const tokens = await client.authorizationCodeGrant(config, response, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new TypeError('no ID token');
      // OIDC Core §3.1.3.7: whoever is authorized by it is this client, also when it is the only audience.
      if (claims.azp !== undefined && claims.azp !== clientId) throw new TypeError('azp');
      const hasEmail = claims[options.emailClaim ?? 'email'] !== undefined;
      const more = hasEmail ? {} : await userInfo(config, tokens.access_token, claims.sub);
      const all = { ...more, ...claims };
      const { access_token: accessToken, refresh_token: refreshToken } = tokens;
      return {
        identity: { ...options.identify(all), issuer: claims.iss, subject: claims.sub },
        tokens: { accessToken, refreshToken },
        authTime: isTime(claims.auth_time) ? claims.auth_time : undefined,
      };
    },

    async revoke({ accessToken, refreshToken }) {
      try {
        await client.tokenRevocation(await discover(), refreshToken ?? accessToken);
      } catch (error) {
        if (!hasEnded(error)) throw error;
      }
    },
  };
}

/** Seconds since 1970. */
const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;

/** RFC 7009 §2.2 calls it a success; Google does not, when the person took the grant back there. */
const hasEnded = (error: unknown): boolean =>
  error instanceof client.ResponseBodyError && error.error === 'invalid_token';

/** The provider's metadata, asked for when it is first needed. */
function createDiscovery({ issuer, clientId, clientSecret, fetch, clock }: OpenIdProviderOptions) {
  let known: { readonly config: Promise<client.Configuration>; readonly until: number } | undefined;
  return (): Promise<client.Configuration> => {
    if (known && clock.now() < known.until) return known.config;
    const url = new URL(issuer);
    const insecure = isLoopbackHost(url.hostname) ? [client.allowInsecureRequests] : [];
    const metadata = { [client.clockTolerance]: 30 };
    const config = client.discovery(url, clientId, metadata, authenticate(clientSecret), {
      [client.customFetch]: fetch as client.CustomFetch,
      timeout: 4,
      execute: [client.enableNonRepudiationChecks, ...insecure],
    });
    const found = { config, until: clock.now() + METADATA_TTL };
    known = found;
    config.catch(() => {
      if (known === found) known = undefined;
    });
    return config;
  };
}

/** Basic unless the provider says that it takes the other only (OIDC Discovery §3: Basic is the default). */
function authenticate(secret: string): client.ClientAuth {
  const [basic, post] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...rest);
  };
}

/** Many providers tell the e-mail address at the userinfo endpoint only. Its `sub` must be that of the ID token. */
async function userInfo(
  config: client.Configuration,
  accessToken: string,
  sub: string,
): Promise<Claims> {
  if (!config.serverMetadata().userinfo_endpoint) return {};
  return client.fetchUserInfo(config, accessToken, sub);
}
