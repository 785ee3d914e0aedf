import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign, serverKey, signParts } from './forged-token.ts';
import { cookieValue } from './set-cookie.ts';
import { createTokenPlaces, REFUSED, type Verdicts } from './token-places.ts';

const ACCESS = ['Bearer', 'access cookie', 'userinfo', 'introspection'];

/** Every kind of JWT that the server signs, and all that each is good for. */
const USES = {
  'access token of a REST login': ACCESS,
  // The API knows the token, and refuses it for its scope.
  'access token of /oidc/token': ['userinfo', 'introspection'],
  'refresh cookie': ['refresh'],
  'ID token, RS256': ['hint, RS256'],
  'ID token, ES256': ['hint, ES256'],
  'logout token, RS256': [],
  'logout token, ES256': [],
} as const;

type Kind = keyof typeof USES;

describe('JWT types', () => {
  let app: TestApp;
  let tokens: Record<Kind, string>;
  /** The cookies beside a refresh cookie. */
  let session: string;
  let es256: RelyingParty;
  let rs256: RelyingParty;
  let verdicts: (token: string) => Promise<Verdicts>;

  beforeEach(async () => {
    app = await startTestApp();
    verdicts = await createTokenPlaces(app);
    es256 = await createRelyingParty(app, { id_token_signed_response_alg: 'ES256' });
    rs256 = await createRelyingParty(app);
    const browser = app.browser();
    const signedIn = await login(browser, await createUser(app));
    session = await browser.jar.getCookieString(app.issuer);
    const first = await es256.redeem(codeOf(await es256.authorize(browser)));
    const second = await rs256.redeem(codeOf(await rs256.authorize(browser)));
    const { access_token: access = '', id_token: idEs256 = '' } = first.body;
    const { id_token: idRs256 = '' } = second.body;
    tokens = {
      'access token of a REST login': cookieValue(signedIn, 'authsrv-access'),
      'access token of /oidc/token': access,
      'refresh cookie': cookieValue(signedIn, 'authsrv-refresh'),
      'ID token, RS256': idRs256,
      'ID token, ES256': idEs256,
      'logout token, RS256': await logoutToken('RS256', idRs256),
      'logout token, ES256': await logoutToken('ES256', idEs256),
    };
  });
  afterEach(() => app.close());

  /** As OIDC Back-Channel Logout 1.0 §2.4 wants it; it names a client, a user and a session that live. */
  async function logoutToken(alg: 'ES256' | 'RS256', idToken: string): Promise<string> {
    const key = await serverKey(app, alg);
    const { iss, sub, aud, sid, iat, exp } = decodeToken(idToken).claims;
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const header = { alg, typ: 'logout+jwt', kid: key.kid };
    return signParts(header, { iss, sub, aud, sid, iat, exp, jti: randomUUID(), events }, key);
  }

  const opensRefresh = async (token: string): Promise<boolean> => {
    const headers = { cookie: `authsrv-refresh=${token}; ${session}` };
    const answer = await app.browser().request('/auth/refresh', { method: 'POST', headers });
    return answer.status === 200;
  };

  const opensSession = async (token: string): Promise<boolean> => {
    const headers = { cookie: `authsrv-session=${token}; authsrv-session.sig=${token}` };
    const url = es256.authorizationUrl({ prompt: 'none' });
    return errorOf(await app.browser().request(url, { headers })) !== 'login_required';
  };

  const isAssertion = async (token: string): Promise<boolean> => {
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type,
      client_assertion: token,
    };
    return (await app.browser().request('/oidc/token', { form })).status === 200;
  };

  const isHint = async (rp: RelyingParty, token: string): Promise<boolean> => {
    const answer = await rp.authorize(app.browser(), { id_token_hint: token, prompt: 'none' });
    return errorOf(answer) !== 'invalid_request';
  };

  const isLogoutHint = async (token: string): Promise<boolean> => {
    const query = new URLSearchParams({ id_token_hint: token });
    return (await app.browser().request(`/oidc/logout?${query}`)).status === 200;
  };

  /** Every place of the server that takes a token, and whether it takes this one. */
  const usesOf = async (token: string): Promise<Record<string, boolean>> => {
    const { bearer, cookie, userinfo, introspection } = await verdicts(token);
    const atLogout = await isLogoutHint(token);
    const hints = { ES256: await isHint(es256, token), RS256: await isHint(rs256, token) };
    expect(atLogout, 'id_token_hint at logout').to.equal(hints.ES256 || hints.RS256);
    return {
      Bearer: bearer === 200,
      'access cookie': cookie === 200,
      userinfo: userinfo === 200,
      introspection: introspection === 'active',
      session: await opensSession(token),
      'client assertion': await isAssertion(token),
      'hint, ES256': hints.ES256,
      'hint, RS256': hints.RS256,
      code: (await es256.redeem(token)).status === 200,
      'refresh token of ES256': (await es256.refresh(token)).status === 200,
      'refresh token of RS256': (await rs256.refresh(token)).status === 200,
      refresh: await opensRefresh(token),
    };
  };

  for (const kind of Object.keys(USES) as Kind[]) {
    it(`SEC-37 ${kind}: is taken where it belongs and nowhere else`, async () => {
      const accepted = Object.entries(await usesOf(tokens[kind])).filter(([, taken]) => taken);
      expect(accepted.map(([place]) => place)).to.have.members([...USES[kind]]);
    });
  }

  it('SEC-37 every kind says what it is', () => {
    const shown = Object.fromEntries(
      Object.entries(tokens).map(([kind, token]) => {
        const { alg, typ = 'JWT' } = decodeToken(token).header;
        return [kind, `${String(alg)} ${String(typ)}`];
      }),
    );
    expect(shown).to.deep.equal({
      'access token of a REST login': 'ES256 at+jwt',
      'access token of /oidc/token': 'ES256 at+jwt',
      'refresh cookie': 'HS256 rt+jwt',
      'ID token, RS256': 'RS256 JWT',
      'ID token, ES256': 'ES256 JWT',
      'logout token, RS256': 'RS256 logout+jwt',
      'logout token, ES256': 'ES256 logout+jwt',
    });
  });

  it('SEC-37 typ alone decides: an access token under another typ is refused', async () => {
    const access = tokens['access token of a REST login'];
    for (const typ of ['JWT', 'jwt', 'rt+jwt', 'logout+jwt', 'dpop+jwt', 'at', '', undefined]) {
      const forged = await resign(app, access, { header: { typ } });
      expect(await verdicts(forged), String(typ)).to.deep.equal(REFUSED);
    }
  });

  it('SEC-37 logout ends no session that another kind of token names', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const { body } = await es256.redeem(codeOf(await es256.authorize(browser)));
    const refresh = await browser.cookie('authsrv-refresh');
    for (const token of [refresh, body.id_token, await logoutToken('ES256', body.id_token ?? '')]) {
      const headers = { cookie: `authsrv-access=${token ?? ''}` };
      await app.browser().request('/auth/logout', { method: 'POST', headers });
    }
    expect((await browser.request('/auth/me')).status).to.equal(200);
  });
});
