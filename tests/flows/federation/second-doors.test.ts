/** An account of a provider is a second door: what is under way through it while the owner secures the account ends (D4, D7). */
import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import { codeMailedTo } from '../../support/mailed-links.ts';
import { PASSWORD, signedInBrowser } from '../../support/people.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import {
  authorizePath,
  createVerifiedUser,
  isCallback,
  me,
  newPerson,
  type Stage,
  signInWith,
  startStage,
  walk,
  walkTo,
} from './stage.ts';

const NEXT = 'nine loud ravens dive';

describe('second doors while an account is secured', () => {
  let stage: Stage;
  let hooks: StatementHooks;
  before(async () => {
    hooks = createStatementHooks();
    stage = await startStage({ wrapStorage: hooks.wrap });
  });
  after(() => stage.close());

  /** Up to where the provider sends the attacker's browser back. */
  const linkCallback = async (user: Awaited<ReturnType<typeof createVerifiedUser>>) => {
    const browser = await signedInBrowser(stage.app, user);
    newPerson(stage.google);
    const begun = await browser.request('/oauth2/google/link', { json: {} });
    const url = begun.json<{ authorization_url: string }>().authorization_url;
    return { browser, callback: await walkTo(browser, await browser.request(url), isCallback) };
  };
  const linked = async () => {
    const user = await createVerifiedUser(stage.app);
    const { browser, callback } = await linkCallback(user);
    const end = await browser.request(callback.href, { headers: { accept: 'text/html' } });
    expect(end.text).to.include('is connected');
    return { user, browser };
  };
  const asked = async (email: string): Promise<string> => {
    await stage.app.browser().request('/auth/password/forgot', { json: { email } });
    return codeMailedTo(stage.app, email);
  };
  const reset = async (token: string, more: object = {}): Promise<void> => {
    const json = { token, new_password: NEXT, ...more };
    const done = await stage.app.browser().request('/auth/password/reset', { json });
    expect(done.status).to.equal(204);
  };

  for (const [moment, statement] of [
    ['after', 'identities-find'],
    ['after', 'users-by-id'],
    ['after', 'identities-used'],
    ['before', 'sessions-insert'],
  ] as const) {
    it(`D4 D7 a sign-in that is under way, ${moment} ${statement}, ends with a reset that takes the door away`, async () => {
      const { user } = await linked();
      const token = await asked(user.email);
      const attacker = stage.app.browser();
      const left = await attacker.request(authorizePath('google'));
      const callback = await walkTo(attacker, left, isCallback);
      const held = hooks.hold(moment, statement);
      const arriving = attacker.request(callback.href, { headers: { accept: 'text/html' } });
      await held.reached;
      await reset(token, { remove_identities: ['google'] });
      held.release();
      await walk(attacker, await arriving);
      expect((await me(attacker))?.['id']).to.not.equal(user.id);
    });
  }

  for (const [moment, statement] of [
    ['after', 'users-by-id'],
    ['before', 'identities-lock-user'],
  ] as const) {
    it(`D4 D7 a connection that is under way, ${moment} ${statement}, ends with a reset`, async () => {
      const user = await createVerifiedUser(stage.app);
      const { browser, callback } = await linkCallback(user);
      const token = await asked(user.email);
      const held = hooks.hold(moment, statement);
      const arriving = browser.request(callback.href, { headers: { accept: 'text/html' } });
      await held.reached;
      await reset(token);
      held.release();
      expect((await arriving).status).to.equal(400);
      const attacker = stage.app.browser();
      await signInWith(attacker, 'google');
      expect((await me(attacker))?.['id']).to.not.equal(user.id);
    });
  }

  it('D7 SEC-73 who claims an address keeps no door of whoever registered it', async () => {
    const { user } = await linked();
    const users = stage.app.app.use(Users);
    const { rolesVersion } = (await users.find(user.id)) ?? expect.fail();
    const known = { id: user.id, emailCanonical: user.email, rolesVersion };
    const email = `claimed-${user.id}@example.com`;
    // As a server without mail does it: at once, and unverified.
    await users.changeEmail(known, { email, verified: false });
    const attacker = await signedInBrowser(stage.app, { ...user, email }, PASSWORD);
    await attacker.request('/auth/email/verify', { method: 'POST' });
    const json = { token: await codeMailedTo(stage.app, email), new_password: NEXT };
    const claimed = await stage.app.browser().request('/auth/email/confirm', { json });
    expect(claimed.json()).to.deep.equal({ status: 'verified' });
    const back = stage.app.browser();
    await signInWith(back, 'google');
    expect((await me(back))?.['id']).to.not.equal(user.id);
    const list = await (await signedInBrowser(stage.app, { ...user, email }, NEXT)).request(
      '/oauth2/identities',
    );
    expect(list.json()).to.deep.equal({ identities: [] });
  });
});
