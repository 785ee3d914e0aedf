import { expect } from 'chai';
import type { Answer, Browser } from '../support/browser.ts';
import { createUser, login, signedInBrowser, signIn } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

const FOREIGN = 'urn:problem:account:refresh-foreign';

for (const store of storeKinds) {
  describe(`a refresh cookie that is not of this session, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());

    /** The pairs of a browser's cookies whose names match, as a header. */
    const cookies = async (browser: Browser, which: RegExp): Promise<string> =>
      (await browser.jar.getCookieString(`${app.issuer}/auth/refresh`))
        .split('; ')
        .filter((pair) => which.test(pair))
        .join('; ');

    const refresh = (cookie: string): Promise<Answer> =>
      app.browser().request('/auth/refresh', { method: 'POST', headers: { cookie } });

    const signedIn = async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const session = await cookies(browser, /^authsrv-session/);
      return { user, browser, session, refresh: await cookies(browser, /^authsrv-refresh/) };
    };

    const expectForeign = (answer: Answer): void => {
      expect(answer.status).to.equal(401);
      expect(answer.json()['type']).to.equal(FOREIGN);
      expect(answer.setCookies).to.deep.equal([]);
    };

    const lastUsed = async (sid: unknown): Promise<unknown> => {
      const rows = await app.storage.db.query<{ last_seen: Date }>(
        { name: 'test-last-used', text: 'SELECT last_seen FROM sessions WHERE id = $1' },
        [sid],
      );
      return rows[0]?.last_seen.toISOString();
    };

    it('D16 is refused: nobody’s session ends, none is prolonged, both go on with their own', async () => {
      const [victim, attacker] = [await signedIn(), await signedIn()];
      const sids = [victim, attacker].map(
        (one) => decodeToken(one.refresh.slice(one.refresh.indexOf('=') + 1)).claims['sid'],
      );
      await app.storage.db.query(
        {
          name: 'test-age-use',
          text: "UPDATE sessions SET last_seen = last_seen - interval '10 minutes' WHERE id = ANY($1)",
        },
        [sids],
      );
      const before = await Promise.all(sids.map(lastUsed));
      expect(before.every((at) => typeof at === 'string')).to.equal(true);
      expectForeign(await refresh(`${victim.session}; ${attacker.refresh}`));
      expectForeign(await refresh(attacker.refresh));
      expect(await Promise.all(sids.map(lastUsed))).to.deep.equal(before);
      for (const one of [victim, attacker]) {
        expect((await one.browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(
          200,
        );
      }
    });

    it('D16 of two refresh cookies that of the session counts, wherever it stands', async () => {
      for (const order of ['before', 'after']) {
        const [victim, attacker] = [await signedIn(), await signedIn()];
        const pairs = [attacker.refresh, victim.refresh];
        if (order === 'after') pairs.reverse();
        const answer = await refresh(`${pairs.join('; ')}; ${victim.session}`);
        expect(answer.status, order).to.equal(200);
        expect(answer.json<{ user: { id: string } }>().user.id).to.equal(victim.user.id);
        const bad = await refresh(
          `${attacker.refresh}; authsrv-refresh=x; ${(await signedIn()).session}`,
        );
        expectForeign(bad);
        expect(
          (await attacker.browser.request('/auth/refresh', { method: 'POST' })).status,
        ).to.equal(200);
      }
    });

    it('D16 one that was used up ends nothing when the newest stands beside it', async () => {
      const { browser, refresh: old } = await signedIn();
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
      const now = await cookies(browser, /^authsrv-(session|refresh)/);
      const answer = await refresh(`${old}; ${now}`);
      expect(answer.status).to.equal(200);
      expect((await browser.request('/auth/me')).status).to.equal(200);
    });

    it('D16 one that is tossed at a browser which signed in on the hosted page changes nothing there', async () => {
      const attacker = await signedIn();
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      await signIn(browser, await rp.authorize(browser), await createUser(app));
      const session = await cookies(browser, /^authsrv-session/);
      expectForeign(await refresh(`${session}; ${attacker.refresh}`));
      const silent = await rp.authorize(browser, { prompt: 'none' });
      expect(silent.location?.searchParams.has('code')).to.equal(true);
    });

    it('D16 a refresh that comes with the id of before an authorization leaves the browser the id that counts', async () => {
      const { browser } = await signedIn();
      const rp = await createRelyingParty(app);
      const pages = [];
      for (const _tab of [1, 2])
        pages.push(await rp.authorize(browser, { prompt: 'select_account' }));
      const former = await cookies(browser, /^authsrv-(session|refresh)/);
      for (const page of pages) {
        const end = await browser.submit(page, { choice: 'continue' });
        expect(end.location?.searchParams.has('code')).to.equal(true);
      }
      const current = await browser.cookie('authsrv-session');
      expect(former).not.to.include(`authsrv-session=${current}`);
      const late = await refresh(former);
      expect(late.status).to.equal(200);
      const [kept] = late.setCookies.filter((line) => line.startsWith('authsrv-session='));
      expect(kept?.split(';')[0]).to.equal(`authsrv-session=${current}`);
    });

    it('D16 after signing in as somebody else the refresh cookie of before is worth nothing', async () => {
      const first = await signedIn();
      const second = await createUser(app);
      await login(first.browser, second);
      const session = await cookies(first.browser, /^authsrv-session/);
      expect((await refresh(`${session}; ${first.refresh}`)).status).to.equal(401);
      expect((await first.browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(
        200,
      );
    });
  });
}
