/** Whoever has an account can have a link for any address mailed; it moves the account only for who shows that it is theirs. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { anyAddress, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { codeMailedTo } from '../support/mailed-links.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const OTHERS = 'the owner chose this 2';

/** The attacker asks for the owner's address, who has no account; the owner has the mail. */
const asked = async (app: TestApp) => {
  const attacker = await createUser(app);
  const browser = await signedInBrowser(app, attacker);
  const email = `owner-${randomUUID()}@example.com`;
  const json = { email, current_password: PASSWORD };
  expect((await browser.request('/auth/email', { method: 'PUT', json })).status).to.equal(202);
  return { attacker, browser, email, token: await codeMailedTo(app, email) };
};

describe('D7 a link for another address moves the account for its own user only', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const ownerOf = (email: string) => app.app.use(Users).findByEmail(email);

  it('D7 D1 SEC-73 whose address it is, but not whose account, makes no attacker the verified user of it', async () => {
    const { email, token } = await asked(app);
    const somebody = await signedInBrowser(app, await createUser(app));
    for (const browser of [app.browser(), somebody]) {
      const bare = await browser.request('/auth/email/confirm', { json: { token } });
      expect([bare.status, bare.json()['type']]).to.deep.equal([
        400,
        'urn:problem:email-links:password-required',
      ]);
      expect(bare.text).to.contain('#/password').and.not.contain('#/new_password');
      const json = { token, password: OTHERS, new_password: OTHERS };
      const wrong = await browser.request('/auth/email/confirm', { json });
      expect([wrong.status, wrong.json()['type']]).to.deep.equal([
        403,
        'urn:problem:email-links:password-wrong',
      ]);
    }
    expect(await ownerOf(email)).to.equal(undefined);
  });

  it('D7 the page asks for the password, and who knows it or is signed in goes on', async () => {
    const { email, token, attacker } = await asked(app);
    const elsewhere = app.browser();
    const page = await elsewhere.open(`/l/${token}`);
    expect(page.text).to.contain('name="password"').and.not.contain(attacker.email);
    for (const password of ['', OTHERS]) {
      const refused = await elsewhere.submit(page, { password });
      expect([refused.status, refused.text.includes('field-error')]).to.deep.equal([
        password ? 403 : 400,
        true,
      ]);
    }
    const done = await elsewhere.submit(page, { password: PASSWORD });
    expect(done.text).to.contain('Your address is changed');
    expect(await ownerOf(email)).to.include({ id: attacker.id, emailVerified: true });

    const second = await asked(app);
    const own = await second.browser.open(`/l/${second.token}`);
    expect(own.text).to.not.contain('name="password"');
    expect((await second.browser.submit(own)).text).to.contain('Your address is changed');
  });

  it('D7 a link that is over says nothing of the password', async () => {
    const { token, browser } = await asked(app);
    const json = { current_password: PASSWORD, new_password: OTHERS };
    expect((await browser.request('/auth/password', { method: 'PUT', json })).status).to.equal(204);
    for (const password of [undefined, PASSWORD, OTHERS]) {
      const late = { token, ...(password && { password }) };
      const answer = await app.browser().request('/auth/email/confirm', { json: late });
      expect(answer.status).to.equal(410);
    }
  });

  it('D7 SEC-17 guesses spend those of the account, and a browser that it knows has its own', async () => {
    const limited = await startLimitedApp();
    try {
      const { token, browser } = await asked(limited);
      await browser.request('/auth/logout', { method: 'POST' });
      const guess = (password: string) =>
        requestFrom(limited, anyAddress(), '/auth/email/confirm', { json: { token, password } });
      const statuses: number[] = [];
      for (let count = 0; count < 12; count += 1) statuses.push((await guess(OTHERS)).status);
      expect([statuses.at(0), statuses.at(-1)]).to.deep.equal([403, 429]);
      expect((await guess(PASSWORD)).status).to.equal(429);
      const json = { token, password: PASSWORD };
      expect((await browser.request('/auth/email/confirm', { json })).status).to.equal(200);
    } finally {
      await limited.close();
    }
  });
});
