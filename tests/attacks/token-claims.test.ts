import { expect } from 'chai';
import type { Clock } from '../../src/kernel/clock.ts';
import { createUser, login } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign } from './forged-token.ts';
import { cookieValue } from './set-cookie.ts';
import { ACCEPTED, createTokenPlaces, REFUSED, type Verdicts } from './token-places.ts';

/** Seconds that clocks may differ (SEC-38). */
const SKEW = 30;

describe('claims of access tokens', () => {
  let app: TestApp;
  let token: string;
  let now: number;
  let verdicts: (token: string) => Promise<Verdicts>;

  before(async () => {
    // Stands still, so that one second more or less is exact.
    const time = Date.now();
    const clock: Clock = { now: () => time };
    now = Math.floor(time / 1000);
    app = await startTestApp({ clock });
    verdicts = await createTokenPlaces(app);
    token = cookieValue(await login(app.browser(), await createUser(app)), 'authsrv-access');
  });
  after(() => app.close());

  const withClaims = async (claims: Record<string, unknown>): Promise<Verdicts> =>
    verdicts(await resign(app, token, { claims }));

  /** What a token with these claims opens at our own API, whose clock stands still. */
  const bearer = async (claims: Record<string, unknown>): Promise<number> =>
    (await withClaims(claims)).bearer;

  it('SEC-38 a token with unchanged claims is accepted', async () => {
    expect(await withClaims({})).to.deep.equal(ACCEPTED);
  });

  it('SEC-38 exp: 29 s ago is within the skew, 30 and 31 s ago are not', async () => {
    expect(await bearer({ exp: now - SKEW + 1 })).to.equal(200);
    expect(await withClaims({ exp: now - SKEW })).to.deep.equal(REFUSED);
    expect(await withClaims({ exp: now - SKEW - 1 })).to.deep.equal(REFUSED);
  });

  it('SEC-38 nbf: up to 30 s ahead is within the skew, 31 s are not', async () => {
    for (const ahead of [-3600, 0, SKEW - 1, SKEW]) {
      expect(await bearer({ nbf: now + ahead }), `${ahead}`).to.equal(200);
    }
    expect(await withClaims({ nbf: now + SKEW + 1 })).to.deep.equal(REFUSED);
  });

  it('SEC-38 iat: up to 30 s ahead is within the skew, 31 s are not', async () => {
    for (const ahead of [-3600, 0, SKEW - 1, SKEW]) {
      expect(await bearer({ iat: now + ahead }), `${ahead}`).to.equal(200);
    }
    expect(await withClaims({ iat: now + SKEW + 1 })).to.deep.equal(REFUSED);
  });

  it('SEC-38 times that are no numbers are refused', async () => {
    for (const name of ['exp', 'nbf', 'iat']) {
      for (const value of [`${now + 60}`, null, [now + 60], { $gt: 0 }, true, '']) {
        const changed = await withClaims({ [name]: value });
        expect(changed, `${name} ${JSON.stringify(value)}`).to.deep.equal(REFUSED);
      }
    }
  });

  it('SEC-38 iss: only this issuer, to the letter', async () => {
    for (const iss of [
      undefined,
      null,
      '',
      `${app.issuer}/`,
      app.issuer.toUpperCase(),
      `${app.issuer}.evil.example.net`,
      'https://evil.example.net',
      [app.issuer],
      { issuer: app.issuer },
    ]) {
      expect(await withClaims({ iss }), JSON.stringify(iss)).to.deep.equal(REFUSED);
    }
  });

  it('D2 SEC-38 aud: only what names the issuer, whatever else it names', async () => {
    for (const aud of [
      undefined,
      null,
      '',
      [],
      `${app.issuer}/api/`,
      `${app.issuer}/API`,
      `${app.issuer}/api https://other.example.com`,
      'https://other.example.com',
      ['https://other.example.com'],
      `${app.issuer}/api`,
      [`${app.issuer}/api`],
      [[app.issuer]],
      { 0: app.issuer },
      `${app.issuer}/`,
    ]) {
      expect(await withClaims({ aud }), JSON.stringify(aud)).to.deep.equal(REFUSED);
    }
    for (const aud of [app.issuer, [app.issuer], ['https://other.example.com', app.issuer]]) {
      expect(await withClaims({ aud }), JSON.stringify(aud)).to.deep.equal(ACCEPTED);
    }
  });

  it('D2 a token of before this node started may name the API alone: the version before made such', async () => {
    const aud = `${app.issuer}/api`;
    expect(await withClaims({ aud, iat: now - 1 })).to.deep.equal(ACCEPTED);
    expect(await withClaims({ aud, iat: now })).to.deep.equal(REFUSED);
    expect(await withClaims({ aud: 'https://other.example.com', iat: now - 1 })).to.deep.equal(
      REFUSED,
    );
  });

  it('SEC-38 sub, client_id, exp, iat and jti must be there', async () => {
    for (const name of ['sub', 'client_id', 'exp', 'iat', 'jti']) {
      expect(await withClaims({ [name]: undefined }), name).to.deep.equal(REFUSED);
    }
  });

  it('SEC-38 an ID token of a client that is called like the API is no access token', async () => {
    const { claims } = decodeToken(token);
    const rp = await createRelyingParty(app);
    const forged = await resign(app, token, { claims: { ...claims, aud: rp.client.client_id } });
    expect(await verdicts(forged)).to.deep.equal(REFUSED);
  });

  it('SEC-38 a user, client or grant that does not exist opens nothing', async () => {
    const nobody = '00000000-0000-4000-8000-000000000000';
    for (const claims of [
      { sub: nobody },
      { sub: '' },
      { sub: 'not-a-uuid' },
      { sub: "' OR 1=1 --" },
      { sub: '\u0000' },
    ]) {
      const changed = await withClaims(claims);
      expect(changed, JSON.stringify(claims)).to.deep.equal(REFUSED);
    }
    for (const claims of [{ gid: 'x' }, { client_id: 'x' }]) {
      const { userinfo, introspection } = await withClaims(claims);
      expect({ userinfo, introspection }, JSON.stringify(claims)).to.deep.equal({
        userinfo: 401,
        introspection: 'inactive',
      });
    }
  });
});
