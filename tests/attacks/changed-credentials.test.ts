/** What a thief copied before a password or address changes is worth nothing after it (D4, D18). */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { User } from '../../src/plugins/users/contract.ts';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { copyOf, sessionCookieOf } from '../support/stolen-cookies.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const NEXT = 'nine loud ravens dive';
const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };

interface Person {
  readonly user: User;
  readonly browser: Browser;
}

/** What is done, and where it was done from. */
type Change = (person: Person) => Promise<unknown>;

for (const store of storeKinds) {
  describe(`after a change of credentials, state store on ${store}`, () => {
    let app: TestApp;
    /** First-party: signs in silently. */
    let own: RelyingParty;
    let third: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      own = await createRelyingParty(app, { allowed_scopes: ['account'] });
      third = await createRelyingParty(app, { first_party: false, allowed_scopes: ['account'] });
    });
    after(() => app.close());

    const person = async (): Promise<Person> => {
      const user = await createUser(app);
      return { user, browser: await signedInBrowser(app, user) };
    };

    const me = async (browser: Browser): Promise<number> =>
      (await browser.request('/auth/me')).status;
    const refresh = async (browser: Browser): Promise<number> =>
      (await browser.request('/auth/refresh', { method: 'POST' })).status;
    const silently = (browser: Browser): Promise<Answer> =>
      own.authorize(browser, { prompt: 'none' });

    const allowed = async (browser: Browser, page: Answer): Promise<Answer> => {
      const isAllow = ({ action }: { action: string }): boolean => action.endsWith('/allow');
      return forms(page).some(isAllow) ? browser.submit(page, {}, isAllow) : page;
    };
    const tokens = async (browser: Browser, rp: RelyingParty, params: Record<string, string>) => {
      const answer = await allowed(browser, await rp.authorize(browser, params));
      const { body } = await rp.redeem(codeOf(answer));
      return { rp, access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
    };
    const holds = async ({ access }: { access: string }): Promise<boolean> => {
      const headers = { authorization: `Bearer ${access}` };
      const options = { headers, anonymous: true };
      return (await app.browser().request('/oidc/userinfo', options)).status === 200;
    };
    const refreshes = async (one: { rp: RelyingParty; refresh: string }): Promise<boolean> =>
      (await one.rp.refresh(one.refresh)).status === 200;

    const expectSignedIn = async (browser: Browser): Promise<void> => {
      expect([await me(browser), await refresh(browser)]).to.deep.equal([200, 200]);
      codeOf(await silently(browser));
    };
    const expectNothing = async (browser: Browser): Promise<void> => {
      expect(errorOf(await silently(browser)), 'session').to.equal('login_required');
      expect(await me(browser), 'access').to.equal(401);
      expect(await refresh(browser), 'refresh').to.equal(401);
    };
    const sessionsOf = async (browser: Browser) =>
      (await browser.request('/auth/sessions')).json<{ sessions: { current: boolean }[] }>()
        .sessions;

    const mailedChange = async ({ user, browser }: Person): Promise<string> => {
      const email = `moved-${randomUUID()}@example.org`;
      const json = { email, current_password: PASSWORD };
      const asked = await browser.request('/auth/email', { method: 'PUT', json });
      expect(asked.status).to.equal(202);
      expect(user.email).to.not.equal(email);
      return codeMailedTo(app, email);
    };
    const changePassword: Change = async ({ browser }) => {
      const json = { current_password: PASSWORD, new_password: NEXT };
      const changed = await browser.request('/auth/password', { method: 'PUT', json });
      expect(changed.status).to.equal(204);
    };
    const reset: Change = async ({ user }) => {
      await app.browser().request('/auth/password/forgot', { json: { email: user.email } });
      const json = { token: await codeMailedTo(app, user.email), new_password: NEXT };
      expect((await app.browser().request('/auth/password/reset', { json })).status).to.equal(204);
    };

    /** Those after which the browser is signed in, … */
    const changes: Readonly<Record<string, Change>> = {
      'a new password': changePassword,
      'a new address, by REST': async (owner) => {
        const json = { token: await mailedChange(owner) };
        const answer = await owner.browser.request('/auth/email/confirm', { json });
        expect(answer.json()).to.deep.equal({ status: 'changed' });
      },
      'a new address, on the page of the link': async (owner) => {
        const page = await owner.browser.open(`/l/${await mailedChange(owner)}`);
        expect((await owner.browser.submit(page)).text).to.contain('Your address is changed');
      },
    };
    /** … and those after which nobody is. */
    const endings: Readonly<Record<string, Change>> = {
      'a reset': reset,
      'a new address, confirmed elsewhere': async (owner) => {
        const json = { token: await mailedChange(owner), password: PASSWORD };
        const answer = await app.browser().request('/auth/email/confirm', { json });
        expect(answer.json()).to.deep.equal({ status: 'changed' });
        expect(answer.setCookies).to.deep.equal([]);
      },
      'a new address, confirmed where somebody else is signed in': async (owner) => {
        const other = await person();
        const json = { token: await mailedChange(owner), password: PASSWORD };
        const answer = await other.browser.request('/auth/email/confirm', { json });
        expect(answer.json()).to.deep.equal({ status: 'changed' });
        expect(answer.setCookies).to.deep.equal([]);
        await expectSignedIn(other.browser);
      },
    };

    for (const [name, change] of Object.entries({ ...changes, ...endings })) {
      it(`D4 SEC-10 ${name} ends all copies, sessions, families and grants, offline ones too`, async () => {
        const owner = await person();
        const elsewhere = await signedInBrowser(app, owner.user);
        const gone = await signedInBrowser(app, owner.user);
        const given = [
          await tokens(owner.browser, own, { scope: 'openid' }),
          await tokens(owner.browser, third, OFFLINE),
          await tokens(elsewhere, own, { scope: 'openid' }),
          await tokens(elsewhere, third, OFFLINE),
          await tokens(gone, third, OFFLINE),
        ];
        await gone.request('/auth/logout', { method: 'POST' });
        const thief = await copyOf(app, owner.browser);
        const before = await sessionCookieOf(owner.browser);
        expect(await me(thief)).to.equal(200);
        codeOf(await silently(thief));

        await change(owner);

        await expectNothing(thief);
        await expectNothing(elsewhere);
        for (const one of given) {
          expect([await refreshes(one), await holds(one)]).to.deep.equal([false, false]);
        }
        if (Object.hasOwn(endings, name)) return expectNothing(owner.browser);
        expect(await sessionCookieOf(owner.browser))
          .to.be.a('string')
          .that.does.not.equal(before);
        await expectSignedIn(owner.browser);
        expect((await sessionsOf(owner.browser)).map(({ current }) => current)).to.deep.equal([
          true,
        ]);
      });
    }

    for (const [name, change] of Object.entries(changes)) {
      it(`D4 SEC-26 ${name} leaves no way through an id that was rotated away just before`, async () => {
        const owner = await person();
        const [early, thief] = [await copyOf(app, owner.browser), await copyOf(app, owner.browser)];
        // A page that was answered rotates the id.
        await tokens(owner.browser, third, OFFLINE);
        expect(await sessionCookieOf(owner.browser)).to.not.equal(await sessionCookieOf(thief));
        codeOf(await silently(early));
        await change(owner);
        await expectNothing(thief);
        await expectSignedIn(owner.browser);
      });
    }

    it('D4 SEC-10 a change by an application’s token gives it no cookies, and ends what it has', async () => {
      const owner = await person();
      const { access } = await tokens(owner.browser, own, { scope: 'openid account' });
      const answer = await app.browser().request('/auth/password', {
        method: 'PUT',
        anonymous: true,
        headers: { authorization: `Bearer ${access}` },
        json: { current_password: PASSWORD, new_password: NEXT },
      });
      expect(answer.status).to.equal(204);
      expect(answer.setCookies).to.deep.equal([]);
      expect(await holds({ access })).to.equal(false);
      await expectNothing(owner.browser);
    });

    it('D4 SEC-10 the new session has the sign-in of the old one: when, and how', async () => {
      const owner = await person();
      const timeOf = async () => {
        const answer = await own.authorize(owner.browser, { prompt: 'none', max_age: '3600' });
        const { body } = await own.redeem(codeOf(answer));
        const { auth_time } = decodeJwt<{ auth_time: number }>(body.id_token ?? '');
        const { sid } = decodeJwt<{ sid: string }>(body.access_token ?? '');
        return { auth_time, sid };
      };
      await app.storage.db.orm.query(
        `UPDATE sessions SET auth_time = auth_time - interval '1 hour' WHERE user_id = '${owner.user.id}'`,
      );
      const before = await timeOf();
      await changes['a new address, by REST']?.(owner);
      const after = await timeOf();
      expect(after.auth_time).to.equal(before.auth_time);
      expect(after.sid).to.not.equal(before.sid);
      const [record] = (await owner.browser.request('/auth/login-history')).json<{
        logins: { method: string; logout_date: null }[];
      }>().logins;
      expect(record).to.include({ method: 'pwd', logout_date: null });
    });

    it('D18a what a hijacker allowed is forgotten at a reset, and its tokens are dead', async () => {
      const { user, browser: hijacker } = await person();
      const given = await tokens(hijacker, third, { scope: 'openid account' });
      const headers = { authorization: `Bearer ${given.access}` };
      const called = () => app.browser().request('/auth/me', { headers, anonymous: true });
      expect((await called()).status).to.equal(200);
      await reset({ user, browser: hijacker });
      expect((await called()).status).to.equal(401);
      expect(await refreshes(given)).to.equal(false);
      const owner = app.browser();
      expect((await login(owner, user, NEXT)).status).to.equal(200);
      const silent = { scope: 'openid account', prompt: 'none' };
      expect(errorOf(await third.authorize(owner, silent))).to.equal('consent_required');
      expect((await owner.request('/auth/consents')).json()).to.deep.equal({ consents: [] });
    });

    it('D18a what the owner allowed stays when they change their password themselves', async () => {
      const owner = await person();
      await tokens(owner.browser, third, { scope: 'openid' });
      await changePassword(owner);
      codeOf(await third.authorize(owner.browser, { scope: 'openid', prompt: 'none' }));
    });

    it('D18b SEC-84 a session that is ended from another one takes its offline tokens along', async () => {
      const owner = await person();
      const lost = await signedInBrowser(app, owner.user);
      const theirs = await tokens(lost, third, OFFLINE);
      const kept = await tokens(owner.browser, third, OFFLINE);
      const { sessions } = (await lost.request('/auth/sessions')).json<{
        sessions: { id: string; current: boolean }[];
      }>();
      const id = sessions.find(({ current }) => current)?.id ?? '';
      const ended = await owner.browser.request(`/auth/sessions/${id}`, { method: 'DELETE' });
      expect(ended.status).to.equal(204);
      expect([await refreshes(theirs), await holds(theirs)]).to.deep.equal([false, false]);
      expect([await holds(kept), await refreshes(kept)]).to.deep.equal([true, true]);
      await expectSignedIn(owner.browser);
    });

    /** The owner stays where they are; a copy of it does not. */
    const renewals: Readonly<Record<string, Change>> = {
      'the end of all other sessions': async ({ browser }) =>
        expect((await browser.request('/auth/sessions', { method: 'DELETE' })).status).to.equal(
          204,
        ),
      'a new proof of the password, on the page': async ({ browser }) => {
        const page = await own.authorize(browser, { prompt: 'login' });
        codeOf(await browser.submit(page, { password: PASSWORD }));
      },
      'a new proof of the password': async ({ browser }) =>
        expect(
          (await browser.request('/auth/reauthenticate', { json: { password: PASSWORD } })).status,
        ).to.equal(204),
    };
    for (const [name, renew] of Object.entries(renewals)) {
      it(`D4 SEC-84 ${name} leaves the session to its owner, and none of its copies`, async () => {
        const owner = await person();
        const online = await tokens(owner.browser, own, { scope: 'openid' });
        const offline = await tokens(owner.browser, third, OFFLINE);
        const thief = await copyOf(app, owner.browser);
        const [before] = await sessionsOf(owner.browser);
        await renew(owner);
        await expectNothing(thief);
        await expectSignedIn(owner.browser);
        const [after] = await sessionsOf(owner.browser);
        expect((after as { id?: string }).id).to.equal((before as { id?: string }).id);
        for (const one of [online, offline]) {
          expect([await holds(one), await refreshes(one)]).to.deep.equal([true, true]);
        }
      });
    }

    it('D18b SEC-84 the end of all other sessions takes their offline tokens along', async () => {
      const owner = await person();
      const [lost, left] = [
        await signedInBrowser(app, owner.user),
        await signedInBrowser(app, owner.user),
      ];
      const theirs = [await tokens(lost, third, OFFLINE), await tokens(left, third, OFFLINE)];
      await left.request('/auth/logout', { method: 'POST' });
      await owner.browser.request('/auth/sessions', { method: 'DELETE' });
      for (const one of theirs) {
        expect([await refreshes(one), await holds(one)]).to.deep.equal([false, false]);
      }
      await expectNothing(lost);
    });

    it('D4 the access cookie alone gets no session for ending the others', async () => {
      const owner = await person();
      const lost = await signedInBrowser(app, owner.user);
      const access = (await copyOf(app, owner.browser)).jar;
      const { cookies } = await access.serialize();
      const cookie = cookies.find(({ key }) => /access$/.test(key ?? ''));
      const answer = await app.browser().request('/auth/sessions', {
        method: 'DELETE',
        anonymous: true,
        headers: { cookie: `${cookie?.key}=${cookie?.value}` },
      });
      expect(answer.status).to.equal(204);
      expect(answer.setCookies).to.deep.equal([]);
      await expectNothing(lost);
      await expectSignedIn(owner.browser);
    });
  });
}
