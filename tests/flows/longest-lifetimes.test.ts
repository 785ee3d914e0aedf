/** Every setting that is a time, at the ends of what it may be: nothing overflows, nothing ends at once. */
import { expect } from 'chai';
import { parseSetCookie } from '../attacks/set-cookie.ts';
import { createApiClient } from '../support/api-client.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds } from '../support/test-app.ts';

const TEN_YEARS = 315_360_000;

const LIFETIMES = [
  'ACCESS_TOKEN_TTL',
  'REFRESH_TOKEN_TTL',
  'SESSION_IDLE_TTL',
  'SESSION_TTL',
  'KEY_ROTATION',
];
const RATES = [
  'READ',
  'WRITE',
  'SIGN_IN',
  'REGISTER',
  'MAIL',
  'OIDC',
  'CLIENT',
  'OTHER',
  'ACCOUNT',
  'RECIPIENT',
];

const LONGEST = {
  ...Object.fromEntries(LIFETIMES.map((name) => [name, String(TEN_YEARS)])),
  ...Object.fromEntries(RATES.map((name) => [`RATE_LIMIT_${name}`, '1000000/0.000001'])),
  RATE_LIMIT: 'on',
  JWKS_MAX_AGE: '86400',
  DRAIN_DELAY: '60',
  OVERLOAD_DELAY: '60000',
  HASH_PATIENCE: '300',
};
const SHORTEST = {
  ...Object.fromEntries(LIFETIMES.map((name) => [name, '60'])),
  ...Object.fromEntries(RATES.map((name) => [`RATE_LIMIT_${name}`, '1000000/1000000'])),
  RATE_LIMIT: 'on',
  ACCESS_TOKEN_TTL: '30',
  KEY_ROTATION: '0',
  JWKS_MAX_AGE: '1',
  DRAIN_DELAY: '0',
};
/** PostgreSQL's `integer` holds seconds until 2038. */
const LATER = Date.parse('2030-01-01T00:00:00Z');

for (const store of storeKinds) {
  describe(`lifetimes at the ends of what they may be, state store on ${store}`, () => {
    const ends = [
      { name: 'the longest', settings: LONGEST },
      { name: 'the shortest', settings: SHORTEST },
      { name: 'the longest, in 2030', settings: LONGEST, clock: { now: () => LATER } },
    ];
    for (const { name, settings, clock } of ends) {
      it(`C8 ${name}: people sign in, go on and sign out, and streams stay open`, async () => {
        const app = await startTestApp({ store, settings, ...(clock ? { clock } : {}) });
        try {
          const user = await createUser(app);
          const browser = app.browser();
          const signedIn = await login(browser, user);
          expect(signedIn.status, signedIn.text).to.equal(200);
          const ages = signedIn.setCookies.map(
            (line) => parseSetCookie(line).attributes['max-age'],
          );
          expect(ages.length).to.be.greaterThan(3);
          for (const age of ages) expect(Number(age)).to.be.within(1, TEN_YEARS * 2);
          const rp = await createRelyingParty(app);
          const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
          const refreshed = await rp.refresh(body.refresh_token ?? '');
          expect(refreshed.status, JSON.stringify(refreshed.body)).to.equal(200);
          const again = await browser.request('/auth/refresh', { method: 'POST' });
          expect(again.status, again.text).to.equal(200);
          for (const path of ['/auth/me', '/auth/sessions', '/auth/login-history']) {
            expect((await browser.request(path)).status, path).to.equal(200);
          }
          const api = await createApiClient(app);
          const stream = await api.follow(app);
          await stream.ready();
          expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
          await stream.find(({ sid }) => sid !== undefined);
          stream.close();
          expect((await browser.request('/auth/me')).status).to.equal(401);
        } finally {
          await app.close();
        }
      });
    }
  });
}
