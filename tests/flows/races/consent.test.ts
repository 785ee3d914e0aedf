/** A consent that is withdrawn while its application signs in silently gives that nothing (SEC-51, SEC-61, D18a). */
import { expect } from 'chai';
import { Consents } from '../../../src/plugins/consent/contract.ts';
import type { Browser } from '../../support/browser.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../../support/relying-party.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

describe('racing the withdrawal of a consent', () => {
  let app: TestApp;
  let hooks: StatementHooks;
  let rp: RelyingParty;
  let browser: Browser;

  before(async () => {
    hooks = createStatementHooks();
    app = await startTestApp({ wrapStorage: hooks.wrap });
    rp = await createRelyingParty(app, { first_party: false });
  });
  beforeEach(async () => {
    const user = await createUser(app);
    browser = await signedInBrowser(app, user);
    const given = { scopes: ['openid'], resources: [] };
    await app.app.use(Consents).allow(user.id, rp.client.client_id, given);
  });
  after(() => app.close());

  const silently = () => rp.authorize(browser, { scope: 'openid', prompt: 'none' });
  const withdraw = async () =>
    (await browser.request(`/auth/consents/${rp.client.client_id}`, { method: 'DELETE' })).status;

  it('D18a a sign-in that found the consent a moment ago gets no grant', async () => {
    const found = hooks.hold('after', 'consents-find');
    const answer = silently();
    await found.reached;
    expect(await withdraw()).to.equal(204);
    found.release();
    expect(errorOf(await answer)).to.equal('consent_required');
  });

  it('D18a one that comes while it is being withdrawn waits for that', async () => {
    const deleted = hooks.hold('after', 'consents-delete');
    const withdrawn = withdraw();
    await deleted.reached;
    const about = hooks.hold('before', 'grants-insert');
    const answer = silently();
    await about.reached;
    about.release();
    deleted.release();
    expect(await withdrawn).to.equal(204);
    expect(errorOf(await answer)).to.equal('consent_required');
  });

  it('D18a one that was first ends with it', async () => {
    const found = hooks.hold('before', 'consents-delete');
    const withdrawn = withdraw();
    await found.reached;
    const code = codeOf(await silently());
    found.release();
    expect(await withdrawn).to.equal(204);
    expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
  });

  it('the end of the session is told as such, also to an application that was allowed', async () => {
    const about = hooks.hold('before', 'grants-insert');
    const answer = silently();
    await about.reached;
    expect((await browser.request('/auth/logout', { method: 'POST' })).status).to.equal(204);
    about.release();
    expect(errorOf(await answer)).to.equal('login_required');
  });
});
