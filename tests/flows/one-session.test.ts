/** A REST login is an OIDC session: one begins with the other and ends with it, by whatever way. */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser, Form } from '../support/browser.ts';
import { createUser, login, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const allow = ({ action }: Form): boolean => action.endsWith('/allow');

for (const store of storeKinds) {
  describe(`one session, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;
    let user: User;
    let browser: Browser;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    beforeEach(async () => {
      user = await createUser(app);
      browser = await signedInBrowser(app, user);
    });
    after(() => app.close());

    const silently = (as = rp, by = browser): Promise<Answer> =>
      as.authorize(by, { prompt: 'none' });

    describe('after a REST login, prompt=none answers', () => {
      it('a code for a first-party client, with the same sid everywhere', async () => {
        const { body } = await rp.redeem(codeOf(await silently()));
        const cookie = decodeJwt((await browser.cookie('authsrv-access')) ?? '');
        const token = decodeJwt(body.access_token ?? '');
        expect(token['sid']).to.equal(cookie['sid']);
        expect(token.sub).to.equal(user.id);
        const [session] = await app.app.use(Sessions).list(user.id);
        expect(session?.id).to.equal(token['sid']);
      });

      it('consent_required for a client never consented', async () => {
        const third = await createRelyingParty(app, { first_party: false });
        expect(errorOf(await silently(third))).to.equal('consent_required');
      });

      it('a code for a client consented earlier, in another session', async () => {
        const third = await createRelyingParty(app, { first_party: false });
        const earlier = await signedInBrowser(app, user);
        codeOf(await earlier.submit(await third.authorize(earlier), {}, allow));
        await earlier.request('/auth/logout', { method: 'POST' });
        expect((await third.redeem(codeOf(await silently(third)))).status).to.equal(200);
      });

      it('login_required in any other browser', async () => {
        expect(errorOf(await silently(rp, app.browser()))).to.equal('login_required');
      });
    });

    it('a sign-in on the pages sets the session cookie alone, and REST logout ends it', async () => {
      const visitor = app.browser();
      codeOf(await signIn(visitor, await rp.authorize(visitor), user));
      expect(await visitor.cookie('authsrv-session')).to.be.a('string');
      expect(await visitor.cookie('authsrv-access')).to.equal(undefined);
      expect(await visitor.cookie('authsrv-refresh')).to.equal(undefined);
      expect((await visitor.request('/auth/me')).status).to.equal(401);
      codeOf(await silently(rp, visitor));
      expect((await visitor.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
      expect(errorOf(await silently(rp, visitor))).to.equal('login_required');
    });

    const ends: Record<string, () => Promise<unknown>> = {
      'REST logout': () => browser.request('/auth/logout', { method: 'POST' }),
      '/oidc/logout': async () =>
        browser.submit(await browser.open('/oidc/logout'), { logout: 'yes' }),
      'disabling the user': () => app.app.use(Users).disable(user.id),
      'ending it from another device': async () => {
        const [session] = await app.app.use(Sessions).list(user.id);
        await app.app.use(Sessions).end(session?.id ?? '', 'ended by its owner');
      },
      'ending all sessions of the user': () => app.app.use(Sessions).endAll(user.id, 'test'),
      'a replayed refresh token': async () => {
        const { body } = await rp.redeem(codeOf(await silently()));
        await rp.refresh(body.refresh_token ?? '');
        await app.database.database.orm.query(
          "UPDATE grants SET rotated_at = rotated_at - interval '11 s' WHERE rotated_at IS NOT NULL",
        );
        await rp.refresh(body.refresh_token ?? '');
      },
    };

    for (const [name, end] of Object.entries(ends)) {
      it(`SEC-86: ${name} ends both`, async () => {
        const { body } = await rp.redeem(codeOf(await silently()));
        const unused = codeOf(await silently());
        const held = await browser.jar.getCookieString(`${app.issuer}/auth/refresh`);
        expect((await browser.request('/auth/me')).status).to.equal(200);
        await end();
        expect((await browser.request('/auth/me')).status).to.equal(401);
        expect(errorOf(await silently())).to.equal('login_required');
        // What was taken out of the browser before is dead as well.
        const stolen = { cookie: held };
        expect((await app.browser().request('/auth/me', { headers: stolen })).status).to.equal(401);
        const again = { method: 'POST', headers: stolen };
        expect((await app.browser().request('/auth/refresh', again)).status).to.equal(401);
        expect((await rp.refresh(body.refresh_token ?? '')).body.error).to.equal('invalid_grant');
        expect((await rp.redeem(unused)).body.error).to.equal('invalid_grant');
        const headers = { authorization: `Bearer ${body.access_token}` };
        expect((await app.browser().request('/oidc/userinfo', { headers })).status).to.equal(401);
        const introspected = await rp.post('/oidc/introspect', { token: body.access_token ?? '' });
        expect(introspected.json()).to.deep.equal({ active: false });
        expect(await app.app.use(Sessions).list(user.id)).to.deep.equal([]);
      });
    }

    it('the next sign-in in this browser is a new session', async () => {
      const before = decodeJwt((await browser.cookie('authsrv-access')) ?? '')['sid'];
      await browser.request('/auth/logout', { method: 'POST' });
      await login(browser, user);
      const after = decodeJwt((await browser.cookie('authsrv-access')) ?? '')['sid'];
      expect(after).to.be.a('string').and.not.to.equal(before);
      codeOf(await silently());
    });

    it('ending one session leaves the others alone', async () => {
      const other = await signedInBrowser(app, user);
      await browser.request('/auth/logout', { method: 'POST' });
      codeOf(await silently(rp, other));
      expect((await other.request('/auth/me')).status).to.equal(200);
    });
  });
}

const COOKIES: Record<string, { origin?: string; names: Record<string, string> }> = {
  'plain http': {
    names: {
      'authsrv-session': 'Path=/',
      'authsrv-access': 'Path=/',
      'authsrv-refresh': 'Path=BASE/auth/refresh',
    },
  },
  https: {
    origin: 'https://auth.example.com',
    names: {
      '__Host-session': 'Path=/',
      '__Host-access': 'Path=/',
      '__Secure-refresh': 'Path=BASE/auth/refresh',
    },
  },
};

for (const [scheme, { origin, names }] of Object.entries(COOKIES)) {
  describe(`signing out on ${scheme} deletes all our cookies by name`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp(origin ? { origin } : {});
    });
    after(() => app.close());

    const expectDeleted = ({ setCookies, headers }: Answer): void => {
      const base = new URL(app.issuer).pathname.replace(/\/$/, '');
      for (const [name, path] of Object.entries(names)) {
        const deleted = setCookies.filter((cookie) => cookie.startsWith(`${name}=;`));
        expect(deleted, `${name} of ${setCookies.join('\n')}`).to.have.length(1);
        const attributes = deleted[0]?.split(/;\s*/).map((part) => part.toLowerCase());
        expect(attributes).to.include(path.replace('BASE', base).toLowerCase());
        expect(attributes).to.include('httponly');
        expect(attributes).to.include('expires=thu, 01 jan 1970 00:00:00 gmt');
        if (origin) expect(attributes).to.include('secure');
        else expect(attributes).not.to.include('secure');
      }
      expect(headers.get('clear-site-data')).to.equal(null);
    };

    it('by REST', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      expectDeleted(
        await browser.request('/auth/logout', {
          method: 'POST',
          headers: { 'sec-fetch-site': 'same-origin' },
        }),
      );
    });

    it('at /oidc/logout', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const page = await browser.open('/oidc/logout');
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
      const form = { xsrf, logout: 'yes' };
      expectDeleted(await browser.request('/oidc/logout/confirm', { form }));
      const jar = await browser.jar.getCookies(app.issuer);
      expect(jar.map(({ key }) => key).filter((key) => !/known|\.sig$/.test(key))).to.deep.equal(
        [],
      );
    });
  });
}
