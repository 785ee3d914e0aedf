import type { UpstreamIdentity, UpstreamProvider } from '../federation/contract.ts';

interface Options {
  /** Without a trailing slash. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly fetch: typeof globalThis.fetch;
}

type Json = Readonly<Record<string, unknown>>;

/** Numbers of GitHub users start at 1; anything else is an answer about nobody (GHSA-5hvv-9cqv-894r). */
const isId = (id: unknown): id is number => Number.isSafeInteger(id) && Number(id) > 0;

/** GitHub: OAuth 2.0 with PKCE, but without ID token. Who it is, is asked with the access token. */
export function createGithubProvider({ url, clientId, clientSecret, fetch }: Options) {
  const api = url === 'https://github.com' ? 'https://api.github.com' : `${url}/api/v3`;
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  const json = async (target: string, init: RequestInit): Promise<unknown> => {
    const answer = await fetch(target, init);
    if (answer.ok) return answer.json();
    await answer.body?.cancel();
    throw Object.assign(new Error(`GitHub answered ${answer.status}`), {
      ...(answer.status >= 500 && { code: 'EUPSTREAM' }),
    });
  };

  const ask = (path: string, token: string): Promise<unknown> =>
    json(`${api}${path}`, {
      headers: { accept: 'application/vnd.github+json', authorization: `Bearer ${token}` },
    });

  const redeem = async (fields: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      ...fields,
    });
    const headers = { accept: 'application/json' };
    const answer = await json(`${url}/login/oauth/access_token`, { method: 'POST', headers, body });
    // Failures come with status 200 (RFC 6749 §5.2 asks for 400).
    const { access_token: token } = answer as Json;
    if (typeof token !== 'string' || token === '') throw new TypeError('no access token');
    return token;
  };

  const identityOf = async (token: string): Promise<UpstreamIdentity> => {
    const [user, addresses] = await Promise.all([ask('/user', token), ask('/user/emails', token)]);
    const { id, name } = user as Json;
    if (!isId(id)) throw new TypeError('no user');
    const all = Array.isArray(addresses) ? (addresses as Json[]) : [];
    const primary = all.find((one) => one['primary'] === true);
    return {
      issuer: url,
      // The login can be given to somebody else one day; the number cannot.
      subject: String(id),
      email: primary?.['email'] as string | undefined,
      emailVerified: primary?.['verified'] === true,
      name: name as string | undefined,
    };
  };

  return {
    id: 'github',
    label: 'GitHub',
    issuer: url,

    async begin({ redirectUri, state, codeChallenge }) {
      const target = new URL(`${url}/login/oauth/authorize`);
      target.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: 'read:user user:email',
        state,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      }).toString();
      return target;
    },

    async finish({ redirectUri, codeVerifier, parameters }) {
      const code = parameters.get('code');
      if (!code) throw new TypeError('no code');
      const fields = { code, redirect_uri: redirectUri, code_verifier: codeVerifier };
      const accessToken = await redeem(fields);
      return { identity: await identityOf(accessToken), tokens: { accessToken } };
    },

    async revoke({ accessToken }) {
      const answer = await fetch(`${api}/applications/${clientId}/grant`, {
        method: 'DELETE',
        headers: { accept: 'application/vnd.github+json', authorization: basic },
        body: JSON.stringify({ access_token: accessToken }),
      });
      // 404: it is gone already.
      if (answer.status !== 204 && answer.status !== 404) {
        throw new Error(`GitHub answered ${answer.status}`);
      }
    },
  } satisfies UpstreamProvider;
}
