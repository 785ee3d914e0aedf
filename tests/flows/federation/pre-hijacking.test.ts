/** Accounts that somebody prepared for a person who comes later (Sudhodanan and Paverd, 2022: five kinds). */

import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import { codeMailedTo } from '../../support/mailed-links.ts';
import { createUserNamed, login, PASSWORD, signedInBrowser } from '../../support/people.ts';
import {
  createVerifiedUser,
  me,
  newPerson,
  type Stage,
  signInWith,
  startStage,
  walk,
} from './stage.ts';

const NEW_PASSWORD = 'nine loud ravens dive';

describe('pre-hijacking', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.close());

  /** The owner of the address, who sets a password by mail. */
  const recover = async (email: string): Promise<void> => {
    const browser = stage.app.browser();
    await browser.request('/auth/password/forgot', { json: { email } });
    const code = await codeMailedTo(stage.app, email);
    const answer = await browser.request('/auth/password/reset', {
      json: { token: code, new_password: NEW_PASSWORD },
    });
    expect(answer.status, answer.text).to.equal(204);
  };

  it('SEC-71 SEC-73 CVE-2026-53516 classic-federated merge: an account that nobody confirmed is not joined', async () => {
    const { app, google } = stage;
    const email = newPerson(google);
    const attacker = await createUserNamed(app, email);
    const victim = app.browser();
    const page = await signInWith(victim, 'google');
    expect(page.status).to.equal(409);
    expect(page.text).to.include('that nobody has confirmed');
    expect(await me(victim)).to.equal(undefined);
    const attackers = await signedInBrowser(app, attacker);
    expect((await attackers.request('/oauth2/identities')).json()['identities']).to.deep.equal([]);
    // The way out that the page names: the account becomes the victim's, and then the two are joined.
    await recover(email);
    expect((await login(app.browser(), attacker)).status).to.equal(401);
    const asked = await signInWith(victim, 'google');
    await victim.submit(asked, { password: NEW_PASSWORD });
    expect(await me(victim)).to.include({ id: attacker.id });
  });

  it('SEC-73 unexpired session: what the attacker had signed in ends when the owner takes over', async () => {
    const { app, google } = stage;
    const email = newPerson(google);
    const attackers = await signedInBrowser(app, await createUserNamed(app, email));
    await recover(email);
    expect(await me(attackers)).to.equal(undefined);
    expect((await attackers.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
    const victim = app.browser();
    await victim.submit(await signInWith(victim, 'google'), { password: NEW_PASSWORD });
    expect(await me(attackers)).to.equal(undefined);
  });

  it('SEC-73 trojan identifier: no second door into an account whose address is not confirmed', async () => {
    const { app, acme } = stage;
    const email = `v-${randomUUID()}@example.com`;
    const attackers = await signedInBrowser(app, await createUserNamed(app, email));
    newPerson(acme);
    const begun = await attackers.request('/oauth2/acme/link', { json: {} });
    const { authorization_url: url } = begun.json<{ authorization_url: string }>();
    const page = await walk(attackers, await attackers.request(url));
    expect(page.status).to.equal(409);
    expect(page.text).to.include('Both addresses must be confirmed');
    await recover(email);
    const trojan = await signInWith(app.browser(), 'acme');
    expect(trojan.text).not.to.include(email);
  });

  it('SEC-73 unexpired email change: a change to the victim’s address dies when they come first', async () => {
    const { app, google } = stage;
    const attackers = await signedInBrowser(app, await createVerifiedUser(app));
    const email = newPerson(google);
    const change = { email, current_password: PASSWORD };
    const asked = await attackers.request('/auth/email', { method: 'PUT', json: change });
    expect(asked.status).to.equal(202);
    const victim = app.browser();
    await signInWith(victim, 'google');
    const own = await me(victim);
    expect(own).to.include({ email });
    const code = await codeMailedTo(app, email);
    const confirmed = await attackers.request('/auth/email/confirm', { json: { token: code } });
    expect(confirmed.status).to.be.within(400, 410);
    expect((await me(attackers))?.['email']).to.not.equal(email);
    expect(await me(victim)).to.include({ id: own?.['id'], email });
  });

  it('SEC-73 non-verifying provider: an address that it does not vouch for makes no account and opens none', async () => {
    const { app, google, acme } = stage;
    const victim = await createVerifiedUser(app);
    newPerson(acme, { email: victim.email, email_verified: false });
    const attackers = app.browser();
    expect((await signInWith(attackers, 'acme')).status).to.equal(403);
    expect(await me(attackers)).to.equal(undefined);
    const future = newPerson(google);
    acme.person = { sub: randomUUID(), claims: { email: future, email_verified: false } };
    expect((await signInWith(attackers, 'acme')).status).to.equal(403);
    expect(await app.app.use(Users).findByEmail(future)).to.equal(undefined);
    const later = app.browser();
    await signInWith(later, 'google');
    expect(await me(later)).to.include({ email: future });
  });

  it('a disabled user is not let in, and told nothing else; a deleted one comes back as somebody new', async () => {
    const { app, google } = stage;
    newPerson(google);
    const browser = app.browser();
    await signInWith(browser, 'google');
    const id = String((await me(browser))?.['id']);
    await app.app.use(Users).disable(id);
    const refused = await signInWith(app.browser(), 'google');
    expect(refused.status).to.equal(403);
    expect(refused.text).to.include('You cannot sign in with this account');
    await app.app.use(Users).enable(id);
    const again = app.browser();
    await signInWith(again, 'google');
    expect((await again.request('/auth/me', { method: 'DELETE' })).status).to.equal(204);
    const reborn = app.browser();
    await signInWith(reborn, 'google');
    expect((await me(reborn))?.['id'])
      .to.be.a('string')
      .and.not.equal(id);
  });

  it('SEC-14 nobody signs in to an account without password by guessing one; mail sets one', async () => {
    const { app, google } = stage;
    const email = newPerson(google);
    await signInWith(app.browser(), 'google');
    const post = (json: object) => app.browser().request('/auth/login', { json });
    const unknown = await post({ email: `nobody-${randomUUID()}@example.com`, password: PASSWORD });
    for (const password of [PASSWORD, '', 'null', 'undefined', 'a'.repeat(40)]) {
      const answer = await post({ email, password });
      expect(answer.status).to.equal(401);
      const { instance: _one, ...body } = answer.json();
      const { instance: _two, ...other } = unknown.json();
      expect(body).to.deep.equal(other);
    }
    await recover(email);
    expect((await post({ email, password: NEW_PASSWORD })).status).to.equal(200);
    const still = app.browser();
    await signInWith(still, 'google');
    expect(await me(still)).to.include({ email });
  });
});
