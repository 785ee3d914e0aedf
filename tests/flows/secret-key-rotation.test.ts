/** SECRET_KEY from `old` over `new,old` to `new`: a start with each, on the same stores. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify } from 'jose';
import { loginAt, meAt, refreshAt, type Tokens, tokensOf } from '../support/cookie-api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRecordingLog } from '../support/log.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const OLD = randomBytes(32).toString('hex');
const NEW = randomBytes(32).toString('hex');

for (const store of storeKinds) {
  describe(`SEC-95: SECRET_KEY rotates, state store on ${store}`, () => {
    let database: TestDatabase;
    let running: TestApp[];

    beforeEach(async () => {
      database = await createTestDatabase();
      running = [];
    });
    afterEach(async () => {
      for (const app of running) await app.close();
      await database.drop();
    });

    const start = async (secretKey: string, log = createRecordingLog()): Promise<TestApp> => {
      const settings = { SECRET_KEY: secretKey };
      const app = await startTestApp({ store, database, origin: ISSUER, path: '', settings, log });
      running.push(app);
      return app;
    };
    const restart = async (secretKey: string) => {
      await running.pop()?.close();
      return start(secretKey);
    };
    const verify = (app: TestApp, token: string) => {
      const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
        [customFetch]: (_url, { headers }) =>
          fetch(`${app.socket}/.well-known/jwks.json`, { headers }),
      });
      return jwtVerify(token, keys, { issuer: ISSUER });
    };
    const refreshed = async (app: TestApp, { refresh }: Tokens) =>
      tokensOf(await refreshAt(app, refresh));

    it('`new,old` goes on with all that `old` issued; `new` alone with all that `new,old` did', async () => {
      const before = await start(OLD);
      const user = await createUser(before);
      const [idle, active] = [await loginAt(before, user), await loginAt(before, user)];
      const rp = await createRelyingParty(before);
      const browser = await signedInBrowser(before, user);
      const { body: first } = await rp.redeem(codeOf(await rp.authorize(browser)));

      const during = await restart(`${NEW},${OLD}`);
      await verify(during, active.access);
      await verify(during, first.access_token ?? '');
      expect((await meAt(during, active.access)).status).to.equal(200);
      const next = await refreshed(during, active);
      const later = await rp.refresh(first.refresh_token ?? '', {}, during);
      expect(later.status).to.equal(200);

      const after = await restart(NEW);
      for (const token of [active.access, next.access, later.body.access_token ?? '']) {
        await verify(after, token);
      }
      expect((await meAt(after, next.access)).status).to.equal(200);
      expect((await refreshAt(after, next.refresh)).status).to.equal(200);
      const last = await rp.refresh(later.body.refresh_token ?? '', {}, after);
      expect(last.status).to.equal(200);
      // Signed with the key that is gone: those who did not come meanwhile sign in again.
      expect((await refreshAt(after, idle.refresh)).status).to.equal(401);
      expect((await meAt(after, idle.access)).status).to.equal(200);
    });

    it('nodes with the keys in another order give parallel requests the same next token', async () => {
      const ahead = await start(`${NEW},${OLD}`);
      const behind = await start(`${OLD},${NEW}`);
      const user = await createUser(ahead);
      for (const issued of [ahead, behind]) {
        const tokens = await loginAt(issued, user);
        const answers = [await refreshed(ahead, tokens), await refreshed(behind, tokens)];
        const [first, second] = answers.map(({ refresh }) => decodeJwt(refresh).jti);
        expect(first).to.equal(second);
        for (const answer of answers)
          expect((await refreshAt(ahead, answer.refresh)).status).to.equal(200);
      }
    });
  });
}
