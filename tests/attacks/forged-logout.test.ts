import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken, encodePart, resign } from './forged-token.ts';

for (const store of storeKinds) {
  describe(`who a sign-out may end, state store on ${store}`, () => {
    let app: TestApp;

    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());

    const logout = async (
      cookie: string,
      headers: Record<string, string> = {},
    ): Promise<number> => {
      const options = { method: 'POST', headers: { cookie, ...headers }, anonymous: true };
      return (await app.browser().request('/auth/logout', options)).status;
    };

    const isSignedIn = async (browser: Browser): Promise<boolean> =>
      (await browser.request('/auth/me')).status === 200;

    it("CVE-2025-71402 (Better Auth) no forged cookie ends somebody's session", async () => {
      const victim = await signedInBrowser(app, await createUser(app));
      const mallory = await signedInBrowser(app, await createUser(app));
      const access = (await victim.cookie('authsrv-access')) ?? '';
      const session = (await victim.cookie('authsrv-session')) ?? '';
      const foreign = (await mallory.cookie('authsrv-session.sig')) ?? '';
      const { header, claims } = decodeToken(access);
      const sid = String(claims['sid']);
      const [, , signature = ''] = ((await mallory.cookie('authsrv-access')) ?? '').split('.');
      const forgeries = {
        'session cookie without signature': `authsrv-session=${session}`,
        'session cookie with an empty signature': `authsrv-session=${session}; authsrv-session.sig=`,
        "session cookie with another's signature": `authsrv-session=${session}; authsrv-session.sig=${foreign}`,
        'sid as session cookie': `authsrv-session=${sid}; authsrv-session.sig=${foreign}`,
        'sid as access cookie': `authsrv-access=${sid}`,
        'unsigned access token': `authsrv-access=${encodePart({ alg: 'none', typ: 'at+jwt' })}.${encodePart(claims)}.`,
        "access token with another's signature": `authsrv-access=${encodePart(header)}.${encodePart(claims)}.${signature}`,
        'refresh cookie alone': `authsrv-refresh=${await victim.cookie('authsrv-refresh')}`,
        'all names, one value': `authsrv-session=${sid}; authsrv-access=${sid}; authsrv-refresh=${sid}; sid=${sid}`,
      };
      for (const [name, cookie] of Object.entries(forgeries)) {
        expect(await logout(cookie), name).to.equal(204);
        expect(await isSignedIn(victim), name).to.equal(true);
      }
    });

    it('CVE-2025-71402 (Better Auth) a session that the body, query or a header names is not the one', async () => {
      const victim = await signedInBrowser(app, await createUser(app));
      const sid = decodeToken((await victim.cookie('authsrv-access')) ?? '').claims['sid'];
      const mallory = await signedInBrowser(app, await createUser(app));
      const answer = await mallory.request(`/auth/logout?sid=${sid}&session=${sid}&id=${sid}`, {
        method: 'POST',
        json: { sid, session_id: sid, sessionId: sid },
        headers: { 'x-session-id': String(sid), 'x-sid': String(sid) },
      });
      expect(answer.status).to.be.oneOf([204, 400]);
      expect(await isSignedIn(victim)).to.equal(true);
    });

    it('CVE-2025-71402 an app that holds an access token of a person cannot sign them out with it', async () => {
      const victim = await signedInBrowser(app, await createUser(app));
      const rp = await createRelyingParty(app);
      const { body } = await rp.redeem(codeOf(await rp.authorize(victim)));
      expect(await logout(`authsrv-access=${body.access_token}`)).to.equal(204);
      expect(await isSignedIn(victim)).to.equal(true);
    });

    it('SEC-28 the own access token does, even when only its lifetime is over', async () => {
      for (const age of [0, 3600]) {
        const browser = await signedInBrowser(app, await createUser(app));
        const access = (await browser.cookie('authsrv-access')) ?? '';
        const now = Math.floor(Date.now() / 1000);
        const aged = { iat: now - age - 600, exp: now - age + (age === 0 ? 600 : 0) };
        expect(
          await logout(`authsrv-access=${await resign(app, access, { claims: aged })}`),
        ).to.equal(204);
        expect(await isSignedIn(browser), `${age}`).to.equal(false);
      }
    });

    it('SEC-86 the own access token as Bearer ends its session too, and no cookie is needed', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const authorization = `Bearer ${await browser.cookie('authsrv-access')}`;
      expect(await logout('', { authorization })).to.equal(204);
      expect(await isSignedIn(browser)).to.equal(false);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
    });

    it('SEC-28 signing out twice, or without any cookie, is the same 204', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      for (let time = 0; time < 2; time += 1) {
        const answer = await browser.request('/auth/logout', { method: 'POST' });
        expect(answer.status).to.equal(204);
      }
      expect(await logout('')).to.equal(204);
    });

    it('CVE-2025-12390 (Keycloak) after a sign-out without cookies nobody gets the tokens of the next person', async () => {
      const first = await createUser(app);
      const second = await createUser(app);
      const browser = await signedInBrowser(app, first);
      const refresh = (await browser.cookie('authsrv-refresh')) ?? '';
      const session = await browser.jar.getCookieString(app.issuer);
      const firstSid = decodeToken((await browser.cookie('authsrv-access')) ?? '').claims['sid'];
      expect(await logout('')).to.equal(204);

      expect((await login(browser, second)).status).to.equal(200);
      const { claims } = decodeToken((await browser.cookie('authsrv-access')) ?? '');
      expect(claims).to.include({ sub: second.id });
      expect(claims['sid']).not.to.equal(firstSid);
      const replayed = await app.browser().request('/auth/refresh', {
        method: 'POST',
        headers: { cookie: `authsrv-refresh=${refresh}; ${session}` },
        anonymous: true,
      });
      expect(replayed.status).to.equal(401);
      expect(replayed.text).not.to.include(second.email);
    });

    it('CVE-2025-12390 (Keycloak) in browsers of their own both keep their own session', async () => {
      const first = await createUser(app);
      const second = await createUser(app);
      const one = await signedInBrowser(app, first);
      expect(await logout('')).to.equal(204);
      const other = await signedInBrowser(app, second);
      const refreshed = await one.request('/auth/refresh', { method: 'POST' });
      expect(refreshed.json<{ user: { id: string } }>().user.id).to.equal(first.id);
      const again = await other.request('/auth/refresh', { method: 'POST' });
      expect(again.json<{ user: { id: string } }>().user.id).to.equal(second.id);
    });
  });
}
