/** Two calls to Auth Service: a token for this API itself (RFC 6749 §4.4), and with it the stream of revocations. */
import type { Settings } from './settings.ts';

type Credentials = Pick<Settings, 'issuer' | 'clientId' | 'clientSecret'>;

/** Opens the stream where `lastEventId` left off. Throws an Error when the server refuses. */
export type OpenRevocations = (
  lastEventId: string | undefined,
  signal: AbortSignal,
) => Promise<ReadableStream<Uint8Array>>;

/** A new token for each stream: the server ends a stream together with its token. */
export function createOpenRevocations(credentials: Credentials): OpenRevocations {
  return async (lastEventId, signal) => {
    const response = await fetch(`${credentials.issuer}/auth/revocations`, {
      signal,
      headers: {
        authorization: `Bearer ${await fetchToken(credentials, signal)}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
    });
    if (!response.ok || !response.body)
      throw new Error(`GET /auth/revocations: ${response.status}`);
    return response.body;
  };
}

async function fetchToken(
  { issuer, clientId, clientSecret }: Credentials,
  signal: AbortSignal,
): Promise<string> {
  const basic = [clientId, clientSecret].map(encodeURIComponent).join(':');
  const response = await fetch(`${issuer}/oidc/token`, {
    method: 'POST',
    signal,
    headers: { authorization: `Basic ${btoa(basic)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'revocations' }),
  });
  if (!response.ok) throw new Error(`POST /oidc/token: ${response.status}`);
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}
