/** An API with a client of its own, which follows `GET /auth/revocations`. */
import { type EventStream, openEventStream } from './event-stream.ts';
import { createRelyingParty } from './relying-party.ts';
import type { TestApp } from './test-app.ts';

export interface ApiClient {
  readonly clientId: string;
  token(scope?: string): Promise<string>;
  /** Opens the stream at a node, with a new token unless one is given. */
  follow(
    node: Pick<TestApp, 'issuer' | 'socket'>,
    options?: { readonly token?: string; readonly lastEventId?: string | undefined },
  ): Promise<EventStream>;
}

export async function createApiClient(
  app: TestApp,
  allowedScopes: readonly string[] = ['revocations'],
): Promise<ApiClient> {
  const rp = await createRelyingParty(app, {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    allowed_scopes: allowedScopes,
  });
  const token = async (scope = 'revocations'): Promise<string> => {
    const { body } = await rp.token({ grant_type: 'client_credentials', scope });
    return body.access_token ?? '';
  };
  return {
    clientId: rp.client.client_id,
    token,
    async follow({ issuer, socket }, options = {}) {
      const url = `${issuer}/auth/revocations`.replace(new URL(issuer).origin, socket);
      const { lastEventId } = options;
      return openEventStream(url, {
        authorization: `Bearer ${options.token ?? (await token())}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      });
    },
  };
}
