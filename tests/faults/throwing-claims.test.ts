import { expect } from 'chai';
import { z } from 'zod';
import type { ClaimSource } from '../../src/kernel/oidc.ts';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { refreshAt, tokensOf } from '../support/cookie-api.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

type Mood = 'well' | 'throws' | 'hangs' | 'lies';

/** A third-party plugin whose claims fail as told, one for each place where claims are asked. */
function createMoodyPlugin() {
  const moods: Record<ClaimSource['in'][number], Mood> = { access_token: 'well', account: 'well' };
  const source = (place: ClaimSource['in'][number]): ClaimSource => ({
    names: [`mood_${place}`],
    in: [place],
    async claims() {
      const mood = moods[place];
      if (mood === 'throws') throw new Error('no claims today');
      if (mood === 'hangs') return new Promise(() => undefined);
      return mood === 'lies' ? { never_named: true } : { [`mood_${place}`]: mood };
    },
  });
  const plugin = definePlugin({
    name: 'moody',
    kernel: 1,
    settings: z.object({}),
    setup: () => ({ claims: [source('access_token'), source('account')] }),
  });
  return { plugin, moods };
}

for (const store of storeKinds) {
  describe(`claims that fail burn no refresh token (SEC-45, I1), state store on ${store}`, () => {
    const { plugin, moods } = createMoodyPlugin();
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store, origin: ISSUER, plugins: [plugin] });
    });
    after(() => app?.close());
    afterEach(() => {
      Object.assign(moods, { access_token: 'well', account: 'well' });
    });

    const signedIn = async () => {
      const browser = app.browser();
      const cookies = tokensOf(await login(browser, await createUser(app)));
      const rp = await createRelyingParty(app);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      return { cookies, rp, refresh: body.refresh_token ?? '' };
    };

    const refreshes = async ({ cookies, rp, refresh }: Awaited<ReturnType<typeof signedIn>>) => {
      const [cookie, token] = await Promise.all([
        refreshAt(app, cookies.refresh),
        rp.refresh(refresh),
      ]);
      return { cookie, token };
    };

    for (const mood of ['throws', 'hangs', 'lies'] as const) {
      for (const place of ['access_token', 'account'] as const) {
        it(`a source of ${place} claims ${mood}: the tokens are as good as before`, async () => {
          const person = await signedIn();
          moods[place] = mood;
          const failed = await refreshes(person);
          expect(failed.token.status).to.be.oneOf([500, 503]);
          expect(failed.token.body).not.to.have.any.keys('access_token', 'refresh_token');
          // The cookie API has no ID token, so asks for nothing but claims of the access token.
          expect(failed.cookie.status).to.be.oneOf(place === 'account' ? [200] : [500, 503]);
          if (place === 'access_token') expect(failed.cookie.setCookies).to.deep.equal([]);
          moods[place] = 'well';
          const { cookie, token } = await refreshes(person);
          expect((await refreshAt(app, tokensOf(cookie).refresh)).status).to.equal(200);
          expect((await person.rp.refresh(token.body.refresh_token ?? '')).status).to.equal(200);
        });
      }
    }
  });
}
