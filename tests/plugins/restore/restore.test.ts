/** A backup revives what ended after it; `authsrv restore seal` ends it again. */
import { expect } from 'chai';
import { type BackedUpDatabase, startBackedUpDatabase } from '../../support/backups.ts';
import { loginAt, meAt, refreshAt, type Tokens, tokensOf } from '../../support/cookie-api.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../../support/relying-party.ts';
import { runCommand, SECRET_KEY } from '../../support/server-process.ts';
import { redisUrl } from '../../support/service-urls.ts';
import { anotherNode, startTestApp, storeKinds, type TestApp } from '../../support/test-app.ts';

const ISSUER = 'https://auth.example.com';

/** What people held when the disk died. */
interface Held {
  /** Of a session that the backup has. */
  readonly kept: Tokens;
  /** Of a session that ended after the backup. */
  readonly left: Tokens;
  /** Of a session that began after the backup. */
  readonly late: Tokens;
  /** Refresh tokens of a client: one that was used after the backup, and one that was revoked. */
  readonly used: string;
  readonly revoked: string;
}

for (const store of storeKinds) {
  describe(`a restored backup, state store on ${store}`, function () {
    this.timeout(60_000);
    let database: BackedUpDatabase | undefined;
    let app: TestApp;
    let node: TestApp;
    let rp: RelyingParty;
    let held: Held;

    const offlineToken = async (): Promise<string> => {
      const browser = await signedInBrowser(app, await createUser(app));
      const page = await rp.authorize(browser, {
        scope: 'openid offline_access',
        prompt: 'consent',
      });
      const allowed = await browser.submit(page, {}, ({ action }) => action.endsWith('/allow'));
      return (await rp.redeem(codeOf(allowed))).body.refresh_token ?? '';
    };

    before(async function () {
      database = await startBackedUpDatabase();
      if (!database) return this.skip();
      app = await startTestApp({ store, database, origin: ISSUER, settings: { SECRET_KEY } });
      rp = await createRelyingParty(app, { grant_types: ['authorization_code', 'refresh_token'] });
      const [ana, bo] = [await createUser(app), await createUser(app)];
      const [kept, left] = [await loginAt(app, ana), await loginAt(app, bo)];
      const [used, revoked] = [await offlineToken(), await offlineToken()];
      await database.backUp();
      const late = await loginAt(app, ana);
      const headers = { cookie: `__Host-access=${left.access}`, 'sec-fetch-site': 'same-origin' };
      const logout = { method: 'POST', anonymous: true, headers };
      expect((await app.browser().request('/auth/logout', logout)).status).to.equal(204);
      expect((await rp.refresh(used)).status).to.equal(200);
      expect((await rp.post('/oidc/revoke', { token: revoked })).status).to.equal(200);
      held = { kept, left, late, used, revoked };
      await app.close();
      await database.restore();
      node = await anotherNode(app);
    });
    after(async () => {
      await node?.close();
      await database?.drop();
    });

    const rpAt = (token: string) => rp.refresh(token, {}, node);

    it('lets in who had left, without the seal: this is what it is for', async () => {
      expect((await meAt(node, held.left.access)).status).to.equal(200);
      // Redis, which was not restored, still knows that this one is gone.
      expect((await rpAt(held.revoked)).status).to.equal(store === 'redis' ? 400 : 200);
    });

    it('I2: after "restore seal" nothing of before is good any more, whenever it ended', async () => {
      const redis = store === 'redis' ? { REDIS_URL: redisUrl() ?? '' } : {};
      const settings = { PUBLIC_URL: ISSUER, DATABASE_URL: database?.url ?? '', ...redis };
      await node.close();
      const said = await runCommand(['restore', 'seal', '--yes'], settings);
      expect(said).to.include('Sealed').and.include('admin.user_disabled');
      node = await anotherNode(app);
      for (const [name, { access, refresh }] of Object.entries({
        kept: held.kept,
        left: held.left,
        late: held.late,
      })) {
        expect((await meAt(node, access)).status, `access token: ${name}`).to.equal(401);
        expect((await refreshAt(node, refresh)).status, `refresh token: ${name}`).to.equal(401);
      }
      for (const token of [held.used, held.revoked]) {
        expect((await rpAt(token)).body).to.include({ error: 'invalid_grant' });
      }
    });

    it('is normal service after the seal', async () => {
      const tokens = await loginAt(node, await createUser(node));
      expect((await meAt(node, tokens.access)).status).to.equal(200);
      expect(tokensOf(await refreshAt(node, tokens.refresh)).access).to.be.a('string');
    });
  });
}
