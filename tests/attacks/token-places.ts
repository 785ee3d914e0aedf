/** Every place of the server that takes an access token, and what it says to one. */
import { createRelyingParty } from '../support/relying-party.ts';
import type { TestApp } from '../support/test-app.ts';

/** HTTP status, or what introspection says of the token. */
export interface Verdicts {
  readonly bearer: number;
  readonly cookie: number;
  readonly userinfo: number;
  readonly introspection: 'active' | 'inactive' | number;
}

export const ACCEPTED: Verdicts = {
  bearer: 200,
  cookie: 200,
  userinfo: 200,
  introspection: 'active',
};

export const REFUSED: Verdicts = {
  bearer: 401,
  cookie: 401,
  userinfo: 401,
  introspection: 'inactive',
};

/** Our own API by header and by cookie, userinfo, and introspection by a client that may introspect every token. */
export async function createTokenPlaces(
  app: TestApp,
): Promise<(token: string) => Promise<Verdicts>> {
  const resourceServer = await createRelyingParty(app, {
    client_name: 'Resource server',
    redirect_uris: [],
    grant_types: ['client_credentials'],
    allowed_scopes: ['introspect'],
  });
  const { request } = app.browser();
  const accessCookie = app.issuer.startsWith('https:') ? '__Host-access' : 'authsrv-access';
  const statusOf = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await request(path, { headers, anonymous: true })).status;

  return async (token) => {
    const bearer = { authorization: `Bearer ${token}` };
    const introspection = await resourceServer.post('/oidc/introspect', { token });
    return {
      bearer: await statusOf('/auth/me', bearer),
      cookie: await statusOf('/auth/me', { cookie: `${accessCookie}=${token}` }),
      userinfo: await statusOf('/oidc/userinfo', bearer),
      introspection:
        introspection.status === 200
          ? introspection.json()['active'] === true
            ? 'active'
            : 'inactive'
          : introspection.status,
    };
  };
}
