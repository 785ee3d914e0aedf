/** Codes: one use, a minute, for one client, one redirect_uri and one verifier (RFC 9700 §2.1.1, RFC 6749 §4.1.2). */
import { hash } from 'node:crypto';
import { mock } from 'node:test';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const MAX_LIFETIME = 60;
/** Seconds that oidc-provider lets clocks differ. */
const TOLERANCE = 15;

for (const store of storeKinds) {
  describe(`authorization code, state store on ${store}`, () => {
    let app: TestApp;
    let browser: Browser;
    let rp: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      browser = await signedInBrowser(app, await createUser(app));
      rp = await createRelyingParty(app);
    });
    afterEach(() => mock.timers.reset());
    after(() => app.close());

    const getCode = async (): Promise<string> => codeOf(await rp.authorize(browser));
    const userinfo = (token: string | undefined) =>
      app.browser().request('/oidc/userinfo', { headers: { authorization: `Bearer ${token}` } });

    const ageRedemption = (seconds: number) =>
      app.database.database.orm.query(
        `UPDATE grants SET code_used_at = code_used_at - interval '${seconds} s'
         WHERE code_used_at IS NOT NULL AND ended_at IS NULL`,
      );

    it('SEC-55: a code lives 60 seconds at most', async () => {
      const code = await getCode();
      mock.timers.enable({ apis: ['Date'], now: Date.now() + (MAX_LIFETIME + 1) * 1000 });
      const { status, body } = await rp.redeem(code);
      expect(status).to.equal(400);
      expect(body.error).to.equal('invalid_grant');
    });

    it('SEC-55: and almost that long, so that the refusal above means something', async () => {
      const code = await getCode();
      mock.timers.enable({ apis: ['Date'], now: Date.now() + (MAX_LIFETIME - 2) * 1000 });
      expect((await rp.redeem(code)).status).to.equal(200);
    });

    if (store === 'postgres') {
      it('SEC-55: the store forgets a code soon after its lifetime', async () => {
        await getCode();
        const [rows] = await app.database.database.orm.query(
          `SELECT max(extract(epoch FROM expires_at - clock_timestamp()))::float8 AS ttl
           FROM state_store WHERE key LIKE 'oidc:AuthorizationCode:%'`,
        );
        const [{ ttl } = { ttl: Number.NaN }] = rows as { ttl: number }[];
        expect(ttl).to.be.within(1, MAX_LIFETIME + TOLERANCE);
      });
    }

    it("SEC-55: another client's code is refused, and still works for its own client", async () => {
      const code = await getCode();
      const other = await createRelyingParty(app);
      const stolen = await other.redeem(code, { code_verifier: rp.verifier });
      expect(stolen.body.error).to.equal('invalid_grant');
      expect((await rp.redeem(code)).status).to.equal(200);
    });

    it('SEC-55: redirect_uri must be the one of the authorization request', async () => {
      const uris = ['https://rp.example.com/callback', 'https://rp.example.com/other'];
      const both = await createRelyingParty(app, { redirect_uris: uris });
      const code = codeOf(await both.authorize(browser));
      for (const redirect_uri of [uris[1] ?? '', '', 'https://evil.example/callback']) {
        const { status, body } = await both.redeem(code, { redirect_uri });
        expect(status).to.equal(400);
        expect(body.error).to.be.oneOf(['invalid_grant', 'invalid_request']);
      }
      const without = await both.token({
        grant_type: 'authorization_code',
        code,
        code_verifier: both.verifier,
      });
      expect(without.body.error).to.equal('invalid_request');
      expect((await both.redeem(code)).status).to.equal(200);
    });

    it('SEC-55: a client secret is still asked for: the code alone is not enough', async () => {
      const code = await getCode();
      const answer = await app.browser().request('/oidc/token', {
        form: {
          grant_type: 'authorization_code',
          client_id: rp.client.client_id,
          code,
          redirect_uri: rp.redirectUri,
          code_verifier: rp.verifier,
        },
      });
      expect(answer.status).to.equal(401);
      expect(answer.json()['error']).to.equal('invalid_client');
    });

    it('SEC-55: 20 parallel redemptions give one answer, and it stays good', async () => {
      const code = await getCode();
      const answers = await Promise.all(Array.from({ length: 20 }, () => rp.redeem(code)));
      const won = answers.filter(({ status }) => status === 200);
      expect(won).to.have.length(1);
      for (const { status, body } of answers) {
        if (status !== 200) expect(body.error).to.equal('invalid_grant');
      }
      expect((await userinfo(won[0]?.body.access_token)).status).to.equal(200);
      expect((await rp.refresh(won[0]?.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('SEC-55: a second use within 2 s is a parallel request and revokes nothing', async () => {
      const code = await getCode();
      const first = await rp.redeem(code);
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
      expect((await rp.refresh(first.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('SEC-55: a later replay ends everything that the code gave', async () => {
      const code = await getCode();
      const { body } = await rp.redeem(code);
      expect((await userinfo(body.access_token)).status).to.equal(200);
      await ageRedemption(3);
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
      expect((await userinfo(body.access_token)).status).to.equal(401);
      expect((await rp.refresh(body.refresh_token ?? '')).body.error).to.equal('invalid_grant');
    });

    it('SEC-55: nothing but the right client and verifier can revoke by replaying', async () => {
      const code = await getCode();
      const { body } = await rp.redeem(code);
      await ageRedemption(3);
      const other = await createRelyingParty(app);
      await other.redeem(code, { code_verifier: rp.verifier });
      await rp.redeem(code, { code_verifier: 'x'.repeat(43) });
      expect((await userinfo(body.access_token)).status).to.equal(200);
    });

    it('SEC-55: codes that were never issued are refused alike', async () => {
      const codes = ['', 'x', 'a'.repeat(43), '../x', 'a\u0000b', '*', 'x'.repeat(20_000)];
      for (const code of codes) {
        const { status, body } = await rp.redeem(code);
        expect(status, code.slice(0, 20)).to.equal(400);
        expect(body.error).to.be.oneOf(['invalid_grant', 'invalid_request']);
      }
    });

    it('SEC-55: the store knows a code by its hash only', async () => {
      const code = await getCode();
      const key = (id: string): string => `oidc:AuthorizationCode:${id}`;
      const record = await app.storage.store.get(key(hash('sha256', code, 'base64url')));
      expect(record).to.be.a('string').that.does.not.include(code);
      expect(await app.storage.store.get(key(code))).to.equal(undefined);
    });
  });
}
