/** What a change, a reset and a sign-out make of the browsers that an account knows; and what looking one up tells (D5). */
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import type { Browser } from '../support/browser.ts';
import { lendKnown } from '../support/known-cookie.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const WRONG = 'not the password at all';

describe('D5 the browsers that an account knows', () => {
  const statements: string[] = [];
  const wrapStorage = (storage: Storage): Storage => ({
    ...storage,
    db: {
      ...storage.db,
      query: (statement, ...rest) => {
        statements.push(statement.name);
        return storage.db.query(statement, ...rest);
      },
    },
  });
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ wrapStorage });
  });
  after(() => app?.close());

  const known = async (userId: string): Promise<number> => {
    const [rows] = await app.storage.db.orm.query(
      `SELECT id FROM known_browsers WHERE user_id = '${userId}'`,
    );
    return rows.length;
  };

  it('stay at a sign-out, and are gone after a reset but for the one it was completed in', async () => {
    const user = await createUser(app);
    const [one, other] = [await signedInBrowser(app, user), await signedInBrowser(app, user)];
    await one.request('/auth/logout', { method: 'POST' });
    expect(await known(user.id)).to.equal(2);
    await other.request('/auth/password/forgot', { json: { email: user.email } });
    const token = await codeMailedTo(app, user.email);
    const json = { token, new_password: 'nine loud ravens dive' };
    const elsewhere = app.browser();
    const answer = await elsewhere.request('/auth/password/reset', { json });
    expect(answer.status).to.equal(204);
    expect(await known(user.id)).to.equal(1);
    await lendKnown(elsewhere, app.browser(), app.issuer);
  });

  it('are gone once the operator sets the password, or the address changes', async () => {
    const user = await createUser(app);
    await signedInBrowser(app, user);
    await app.app.use(Users).setPassword(user.id, 'nine loud ravens dive');
    expect(await known(user.id)).to.equal(0);
    const moved = await createUser(app);
    await signedInBrowser(app, moved);
    const found = await app.app.use(Users).find(moved.id);
    await app.app
      .use(Users)
      .changeEmail(
        { id: moved.id, emailCanonical: moved.email, rolesVersion: found?.rolesVersion ?? 0 },
        { email: `moved-${moved.email}`, verified: false },
      );
    expect(await known(moved.id)).to.equal(0);
  });

  it('SEC-14 SEC-15 SEC-18 are looked up by the same statements, whoever is tried and whatever cookie comes', async () => {
    const user = await createUser(app);
    const owner = await signedInBrowser(app, user);
    await owner.request('/auth/logout', { method: 'POST' });
    const stranger = await signedInBrowser(app, await createUser(app));
    await stranger.request('/auth/logout', { method: 'POST' });
    const seen = async (browser: Browser, email: string): Promise<readonly string[]> => {
      statements.length = 0;
      expect((await login(browser, { ...user, email }, WRONG)).status).to.equal(401);
      return [...statements];
    };
    const all = [];
    for (const browser of [owner, stranger, app.browser()]) {
      for (const email of [user.email, 'nobody-at-all@example.com']) {
        all.push(await seen(browser, email));
      }
    }
    expect(all[0]).to.include.members(['known-browsers-accounts', 'users-by-email']);
    for (const other of all) expect(other).to.deep.equal(all[0]);
  });
});
