import { expect } from 'chai';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import { Users } from '../../../src/plugins/users/contract.ts';
import type { Answer } from '../../support/browser.ts';
import { createUser, login, PASSWORD, signedInBrowser, signIn } from '../../support/people.ts';
import { createRelyingParty } from '../../support/relying-party.ts';
import {
  createStatementHooks,
  type Hold,
  type StatementHooks,
} from '../../support/statement-hooks.ts';
import { startTestApp, storeKinds, type TestApp } from '../../support/test-app.ts';

const NEXT = 'eight loud ravens dive';

for (const store of storeKinds) {
  describe(`I2 SEC-10 a sign-in with a password that is changed meanwhile, state store on ${store}`, () => {
    let app: TestApp;
    let hooks: StatementHooks;
    before(async () => {
      hooks = createStatementHooks();
      app = await startTestApp({ store, wrapStorage: hooks.wrap });
    });
    after(() => app.close());

    const activeSessions = async (userId: string): Promise<number> => {
      const rows = await app.database.database.query(
        {
          name: 'test-active-sessions',
          text: 'SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL',
        },
        [userId],
      );
      return rows.length;
    };

    /** Somebody is at work with the former password, which was found right; then `change` is acknowledged. */
    const changeDuring = async (
      attempt: () => Promise<Answer>,
      change: () => Promise<unknown>,
    ): Promise<Answer> => {
      const held: Hold = hooks.hold('before', 'sessions-insert');
      const answer = attempt();
      await held.reached;
      await change();
      held.release();
      return answer;
    };

    const changePassword = async (
      browser: Awaited<ReturnType<typeof signedInBrowser>>,
    ): Promise<void> => {
      const { status } = await browser.request('/auth/password', {
        method: 'PUT',
        json: { current_password: PASSWORD, new_password: NEXT },
      });
      expect(status).to.equal(204);
    };

    it('gets no session by REST, and the answer is that of a wrong password', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const thief = app.browser();
      const answer = await changeDuring(
        () => login(thief, user),
        () => changePassword(browser),
      );
      expect(answer.status).to.equal(401);
      expect(answer.json()['type']).to.equal('urn:problem:account:invalid-credentials');
      expect(answer.setCookies).to.deep.equal([]);
      expect(await activeSessions(user.id)).to.equal(1);
      expect((await login(thief, user, NEXT)).status).to.equal(200);
    });

    it('gets no session on the hosted page', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const rp = await createRelyingParty(app);
      const thief = app.browser();
      const page = await rp.authorize(thief);
      const answer = await changeDuring(
        () => signIn(thief, page, user),
        () => changePassword(browser),
      );
      expect(answer.status).to.equal(401);
      expect(answer.location).to.equal(undefined);
      expect(await activeSessions(user.id)).to.equal(1);
    });

    it('gets no session when the address is another meanwhile', async () => {
      const user = await createUser(app);
      const answer = await changeDuring(
        () => login(app.browser(), user),
        () =>
          app.app.use(Users).changeEmail(
            {
              id: user.id,
              emailCanonical: user.email.toLowerCase(),
              rolesVersion: user.rolesVersion,
            },
            { email: `new-${user.email}`, verified: true },
          ),
      );
      expect(answer.status).to.equal(401);
      expect(await activeSessions(user.id)).to.equal(0);
    });

    it('gets no session when the user is deleted meanwhile, and no failure', async () => {
      const user = await createUser(app);
      const answer = await changeDuring(
        () => login(app.browser(), user),
        () => app.app.use(Users).delete(user.id),
      );
      expect(answer.status).to.equal(401);
      expect(await activeSessions(user.id)).to.equal(0);
    });

    it('waits for a change that is about to commit, and loses', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      // The row has the new hash, the transaction goes on.
      const changing = hooks.hold('before', 'sessions-end-all');
      const changed = changePassword(browser);
      await changing.reached;
      const attempted = login(app.browser(), user);
      // Found right: the old hash is what others still read. Then it waits for the row.
      const waiting = hooks.hold('before', 'sessions-insert');
      await waiting.reached;
      waiting.release();
      changing.release();
      await changed;
      expect((await attempted).status).to.equal(401);
      expect(await activeSessions(user.id)).to.equal(1);
    });

    it('is not disturbed by a role that is given meanwhile', async () => {
      const user = await createUser(app);
      const answer = await changeDuring(
        () => login(app.browser(), user),
        async () => {
          await app.app.use(Roles).create({ name: `role-${user.id.slice(0, 8)}` });
          await app.app.use(Roles).grant(user.id, `role-${user.id.slice(0, 8)}`);
        },
      );
      expect(answer.status).to.equal(200);
    });
  });
}
