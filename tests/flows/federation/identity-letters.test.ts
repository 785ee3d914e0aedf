/** What people are told of accounts at other providers that sign in to theirs, and what a reset shows of them. */
import { expect } from 'chai';
import { forms } from '../../support/browser.ts';
import { mailsTo } from '../../support/mailbox.ts';
import { codeMailedTo, templatesTo } from '../../support/mailed-links.ts';
import { signedInBrowser } from '../../support/people.ts';
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

describe('letters about connected accounts', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.close());

  /** Somebody with a session of this user connects an account of theirs; answers its address. */
  const connect = async (
    user: Awaited<ReturnType<typeof createVerifiedUser>>,
    provider: 'google' | 'acme',
  ): Promise<string> => {
    const browser = await signedInBrowser(stage.app, user);
    const address = newPerson(stage[provider]);
    const begun = await browser.request(`/oauth2/${provider}/link`, { json: {} });
    const url = begun.json<{ authorization_url: string }>().authorization_url;
    const end = await walk(browser, await browser.request(url));
    expect(end.text).to.include('is connected');
    return address;
  };

  const forgot = async (email: string): Promise<string> => {
    const asked = await stage.app.browser().request('/auth/password/forgot', { json: { email } });
    expect(asked.status).to.equal(202);
    return codeMailedTo(stage.app, email);
  };

  it('D7 SEC-73 each account that is connected or disconnected is mailed, a refused one is not', async () => {
    const { app } = stage;
    const user = await createVerifiedUser(app);
    const address = await connect(user, 'google');
    const [letter] = (await mailsTo(app, user.email)).slice(-1);
    expect(letter?.subject).to.include('Google was connected');
    expect(letter?.text).to.include(address);
    const browser = await signedInBrowser(app, user);
    newPerson(stage.google);
    const begun = await browser.request('/oauth2/google/link', { json: {} });
    const refused = await walk(
      browser,
      await browser.request(begun.json<{ authorization_url: string }>().authorization_url),
    );
    expect(refused.status).to.equal(409);
    const gone = await browser.request('/oauth2/google/link', { method: 'DELETE' });
    expect(gone.status).to.equal(204);
    expect(await templatesTo(app, user.email)).to.deep.equal([
      'identity-connected',
      'identity-disconnected',
    ]);
  });

  it('D7 SEC-73 a reset lists in mail and page what was connected before, and removes what is ticked', async () => {
    const { app } = stage;
    const user = await createVerifiedUser(app);
    const address = await connect(user, 'google');
    const own = await connect(user, 'acme');
    const code = await forgot(user.email);
    const letter = (await mailsTo(app, user.email)).at(-1);
    expect(letter?.text).to.include(address).and.include(own).and.include('Acme Staff');
    const browser = app.browser();
    const page = await browser.open(`/l/${code}`);
    expect(page.text).to.include(`(<bdi>${address}</bdi>)`).and.include(own);
    const [form] = forms(page);
    expect(Object.keys(form?.fields ?? {})).to.include.members(['remove_google', 'remove_acme']);
    const fields = { _csrf: form?.fields['_csrf'] ?? '', remove_google: 'yes' };
    const post = (new_password: string) =>
      browser.request(`/l/${code}`, {
        form: { ...fields, new_password },
        headers: { 'sec-fetch-site': 'same-origin', accept: 'text/html' },
      });
    const refused = await post('short');
    expect(refused.status).to.equal(400);
    expect(refused.text).to.match(/name="remove_google" value="yes" checked>/);
    expect((await me(await signedInBrowser(app, user)))?.['id']).to.equal(user.id);
    expect((await post(NEW_PASSWORD)).status).to.equal(200);
    // The account that was disconnected is somebody else's from now on; the other one still signs in.
    const attacker = app.browser();
    await signInWith(attacker, 'google');
    expect((await me(attacker))?.['id']).not.to.equal(user.id);
    const owner = app.browser();
    await signInWith(owner, 'acme');
    expect((await me(owner))?.['id']).to.equal(user.id);
    expect((await templatesTo(app, user.email)).slice(-2).sort()).to.deep.equal([
      'identity-disconnected',
      'password-changed',
    ]);
  });

  it('D7 the same by REST, by the ids of the providers; those that are not connected do no harm', async () => {
    const { app } = stage;
    const user = await createVerifiedUser(app);
    await connect(user, 'google');
    const token = await forgot(user.email);
    const done = await app.browser().request('/auth/password/reset', {
      json: { token, new_password: NEW_PASSWORD, remove_identities: ['google', 'acme', "x' OR 1"] },
    });
    expect(done.status).to.equal(204);
    const attacker = app.browser();
    await signInWith(attacker, 'google');
    expect((await me(attacker))?.['id']).not.to.equal(user.id);
  });

  it('D7 nobody else’s accounts are listed or removed, and a link that is over shows none', async () => {
    const { app } = stage;
    const [user, other] = [await createVerifiedUser(app), await createVerifiedUser(app)];
    const address = await connect(other, 'google');
    const token = await forgot(user.email);
    const page = await app.browser().open(`/l/${token}`);
    expect(page.text).not.to.include(address).and.not.include('remove_google');
    const json = { token, new_password: NEW_PASSWORD, remove_identities: ['google'] };
    expect((await app.browser().request('/auth/password/reset', { json })).status).to.equal(204);
    const browser = app.browser();
    await signInWith(browser, 'google');
    expect((await me(browser))?.['id']).to.equal(other.id);
  });
});
