/** Clients are told when a session ends, once each, however it ends (OIDC Back-Channel Logout 1.0). */
import { expect } from 'chai';
import { decodeJwt, type JWTPayload } from 'jose';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { type LogoutReceiver, startLogoutReceiver } from './logout-receiver.ts';

interface Client {
  readonly rp: RelyingParty;
  readonly receiver: LogoutReceiver;
}

interface SignedIn {
  readonly user: User;
  readonly browser: Browser;
  readonly sid: string;
}

for (const store of storeKinds) {
  describe(`back-channel logout, state store on ${store}`, () => {
    let app: TestApp;
    let clients: Client[];

    before(async () => {
      app = await startTestApp({ store });
    });
    beforeEach(async () => {
      clients = await Promise.all([createClient(), createClient()]);
    });
    afterEach(() => {
      for (const { receiver } of clients) receiver.close();
    });
    after(() => app.close());

    const createClient = async (): Promise<Client> => {
      const receiver = await startLogoutReceiver();
      const rp = await createRelyingParty(app, { backchannel_logout_uri: receiver.uri });
      return { rp, receiver };
    };

    /** A person who signed in at every client, twice at the first. */
    const signInEverywhere = async (
      params: Record<string, string> = {},
      answer?: (browser: Browser, rp: RelyingParty) => Promise<string>,
    ): Promise<SignedIn> => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      let sid = '';
      for (const { rp } of [...clients, ...clients.slice(0, 1)]) {
        const code = answer
          ? await answer(browser, rp)
          : codeOf(await rp.authorize(browser, params));
        const { body } = await rp.redeem(code);
        sid = String(decodeJwt(body.access_token ?? '')['sid']);
        expect(decodeJwt(body.id_token ?? '')['sid'] ?? sid).to.equal(sid);
      }
      return { user, browser, sid };
    };

    const received = async ({ rp, receiver }: Client): Promise<JWTPayload[]> =>
      receiver.claims(app, rp.client.client_id);

    const expectToldOnce = async ({ user, sid }: SignedIn): Promise<void> => {
      await app.app.idle();
      for (const client of clients) {
        const all = await received(client);
        expect(all, 'logout tokens').to.have.length(1);
        const [claims] = all;
        expect(claims).to.include({ sid, sub: user.id, iss: app.issuer });
        expect(claims?.['events']).to.deep.equal({
          'http://schemas.openid.net/event/backchannel-logout': {},
        });
        expect(claims).not.to.have.property('nonce');
        expect(claims?.jti).to.be.a('string');
        expect(Math.abs(Date.now() / 1000 - (claims?.iat ?? 0))).to.be.lessThan(30);
        expect(claims?.exp).to.be.greaterThan(claims?.iat ?? 0);
        const [post] = client.receiver.received;
        expect(post?.method).to.equal('POST');
        expect(post?.contentType).to.match(/^application\/x-www-form-urlencoded/);
        expect([...(post?.fields.keys() ?? [])]).to.deep.equal(['logout_token']);
      }
    };

    const confirmLogout = async (browser: Browser, params = ''): Promise<void> => {
      await browser.submit(await browser.open(`/oidc/logout${params}`), { logout: 'yes' });
    };

    const ends: Record<string, (signedIn: SignedIn) => Promise<unknown>> = {
      'REST logout': ({ browser }) => browser.request('/auth/logout', { method: 'POST' }),
      'RP-initiated logout': ({ browser }) => confirmLogout(browser),
      'disabling the user': ({ user }) => app.app.use(Users).disable(user.id),
      'ending the session from elsewhere': ({ sid }) => app.app.use(Sessions).end(sid, 'test'),
      'a REST login as somebody else': async ({ browser }) => login(browser, await createUser(app)),
    };

    for (const [name, end] of Object.entries(ends)) {
      it(`SEC-86: ${name} tells each client once`, async () => {
        const signedIn = await signInEverywhere();
        await end(signedIn);
        await expectToldOnce(signedIn);
      });

      it(`${name} tells a client that keeps offline access as well`, async () => {
        const params = { scope: 'openid offline_access', prompt: 'consent' };
        const signedIn = await signInEverywhere(params, async (browser, rp) => {
          const page = await rp.authorize(browser, params);
          const back = await browser.submit(page, {}, ({ action }) => action.endsWith('/allow'));
          return codeOf(back);
        });
        await end(signedIn);
        await expectToldOnce(signedIn);
      });
    }

    it('a logout that a client asks for tells that client and the others', async () => {
      const signedIn = await signInEverywhere();
      const clientId = clients[0]?.rp.client.client_id;
      await confirmLogout(signedIn.browser, `?client_id=${clientId}`);
      await expectToldOnce(signedIn);
    });

    it('two logouts at once tell once', async () => {
      const signedIn = await signInEverywhere();
      await Promise.all([
        signedIn.browser.request('/auth/logout', { method: 'POST' }),
        signedIn.browser.request('/auth/logout', { method: 'POST' }),
        app.app.use(Sessions).end(signedIn.sid, 'test'),
      ]);
      await expectToldOnce(signedIn);
    });

    it('"stay signed in" tells nobody', async () => {
      const { browser } = await signInEverywhere();
      await browser.submit(await browser.open('/oidc/logout'), {});
      await app.app.idle();
      for (const { receiver } of clients) expect(receiver.received).to.deep.equal([]);
    });

    it("one person's logout tells nothing of another's session", async () => {
      const first = await signInEverywhere();
      const second = await signInEverywhere();
      await first.browser.request('/auth/logout', { method: 'POST' });
      await expectToldOnce(first);
      expect((await second.browser.request('/auth/me')).status).to.equal(200);
    });

    it('a client that fails or is gone holds nobody up', async () => {
      const [failing, gone] = clients;
      failing?.receiver.answerWith(500);
      gone?.receiver.close();
      const { browser } = await signInEverywhere();
      const answer = await browser.request('/auth/logout', { method: 'POST' });
      expect(answer.status).to.equal(204);
      await app.app.idle();
      expect(failing?.receiver.received).to.have.length(1);
      expect((await browser.request('/auth/me')).status).to.equal(401);
    });
  });
}
