import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ageRotations } from '../support/ageing.ts';
import { refreshAt, tokensOf } from '../support/cookie-api.ts';
import { eventually } from '../support/eventually.ts';
import { breakOff, type FaultyApp, startFaultyApp } from '../support/faulty-app.ts';
import { ISSUER } from '../support/nodes.ts';
import { signInWithClient } from '../support/signed-in.ts';
import { createStatementHooks, type StatementHooks } from '../support/statement-hooks.ts';
import { anotherNode, storeKinds, type TestApp } from '../support/test-app.ts';

/** Milliseconds after a fault has healed. */
const RECOVERY = 5_000;

for (const store of storeKinds) {
  describe(`stores lost in the middle of a refresh (SEC-45, I1, I6), state store on ${store}`, () => {
    let faulty: FaultyApp;
    let app: TestApp;
    let hooks: StatementHooks;

    before(async () => {
      hooks = createStatementHooks();
      faulty = await startFaultyApp(store, { origin: ISSUER, wrapStorage: hooks.wrap });
      app = faulty.app;
    });
    after(() => faulty?.close());
    afterEach(() => heal());

    const heal = async (): Promise<void> => {
      for (const proxy of [faulty.postgres, faulty.store]) proxy.fault = 'pass';
      await eventually(() => app.storage.db.ping(), RECOVERY);
      await eventually(() => app.storage.store.ping(), RECOVERY);
    };

    const loseBoth = (): void => {
      breakOff(faulty.postgres);
      breakOff(faulty.store);
    };

    const signedIn = async () => {
      const person = await signInWithClient(app);
      const gid = String(decodeJwt(person.oidc.access)['gid']);
      return { ...person, gid, refresh: person.oidc.refresh };
    };

    /** The statement arrives and is executed; its answer is lost with the connection. */
    const loseReplyOf = (grantId: string) => async (): Promise<void> => {
      faulty.postgres.fault = 'drop-replies';
      void eventually(async () => (await rotationOf(grantId)) === 1).finally(() =>
        breakOff(faulty.postgres),
      );
    };

    const rotationOf = async (grantId: string): Promise<number | undefined> => {
      const statement = {
        name: 'test-rotation',
        text: 'SELECT rotation FROM grants WHERE id = $1',
      };
      const rows = await app.database.database.query<{ rotation: number }>(statement, [grantId]);
      return rows[0]?.rotation;
    };

    it('cookie API, before the rotation: the token is as good as before', async () => {
      const { user, cookies } = await signedIn();
      hooks.once('before', 'grants-rotate', () => breakOff(faulty.postgres));
      const failed = await refreshAt(app, cookies.refresh);
      expect(failed.status).to.equal(503);
      expect(failed.headers.get('retry-after')).to.match(/^\d+$/);
      expect(failed.setCookies).to.deep.equal([]);
      await heal();
      await ageRotations(app, user.id, 60);
      const next = tokensOf(await refreshAt(app, cookies.refresh));
      expect((await refreshAt(app, next.refresh)).status).to.equal(200);
    });

    it('cookie API, after the rotation: nothing is left that could fail', async () => {
      const { cookies } = await signedIn();
      hooks.once('after', 'grants-rotate', loseBoth);
      const first = tokensOf(await refreshAt(app, cookies.refresh));
      await heal();
      expect(tokensOf(await refreshAt(app, cookies.refresh)).refresh).to.equal(first.refresh);
      expect((await refreshAt(app, first.refresh)).status).to.equal(200);
    });

    it('cookie API, rotated but the answer of PostgreSQL lost: the token still refreshes', async () => {
      const { user, cookies } = await signedIn();
      const grantId = String(decodeJwt(cookies.refresh)['gid']);
      hooks.once('before', 'grants-rotate', loseReplyOf(grantId));
      expect((await refreshAt(app, cookies.refresh)).status).to.equal(503);
      await heal();
      await ageRotations(app, user.id, 60);
      const next = tokensOf(await refreshAt(app, cookies.refresh));
      expect((await refreshAt(app, next.refresh)).status).to.equal(200);
      expect(await rotationOf(grantId)).to.equal(2);
    });

    it('/oidc/token, before the rotation: the token is as good as before', async () => {
      const { user, rp, refresh } = await signedIn();
      hooks.once('before', 'grants-rotate', () => breakOff(faulty.postgres));
      const failed = await rp.refresh(refresh);
      expect([failed.status, failed.body.error]).to.deep.equal([503, 'temporarily_unavailable']);
      await heal();
      await ageRotations(app, user.id, 60);
      const next = await rp.refresh(refresh);
      expect((await rp.refresh(next.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('/oidc/token, after the rotation: nothing is left that could fail', async () => {
      const { rp, refresh } = await signedIn();
      hooks.once('after', 'grants-rotate', loseBoth);
      const answer = await rp.refresh(refresh);
      expect(answer.status).to.equal(200);
      await heal();
      expect((await rp.refresh(answer.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('/oidc/token, rotated but the answer of PostgreSQL lost: the token still refreshes', async () => {
      const { user, rp, gid, refresh } = await signedIn();
      hooks.once('before', 'grants-rotate', loseReplyOf(gid));
      const failed = await rp.refresh(refresh);
      expect([failed.status, failed.body.error]).to.deep.equal([503, 'temporarily_unavailable']);
      await heal();
      await ageRotations(app, user.id, 60);
      const next = await rp.refresh(refresh);
      expect(next.status).to.equal(200);
      expect((await rp.refresh(next.body.refresh_token ?? '')).status).to.equal(200);
      expect(await rotationOf(gid)).to.equal(2);
    });

    it('/oidc/token, the same, retried at another node', async () => {
      const { rp, gid, refresh } = await signedIn();
      const other = await anotherNode(app);
      try {
        hooks.once('before', 'grants-rotate', loseReplyOf(gid));
        expect((await rp.refresh(refresh)).status).to.equal(503);
        await heal();
        await eventually(async () => (await rotationOf(gid)) === 0, RECOVERY);
        const next = await rp.refresh(refresh, {}, other);
        expect(next.status).to.equal(200);
      } finally {
        await other.close();
      }
    });
  });
}
