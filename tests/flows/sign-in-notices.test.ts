/** A mail about a sign-in on a device that is new to its user (SEC-24). */
import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import { mailsTo, mailTo } from '../support/mailbox.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';
const VERIFY = {
  name: 'test-verify-address',
  text: 'UPDATE users SET email_verified = true WHERE id = $1',
};

describe('notices of sign-ins', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const verifiedUser = async (): Promise<User> => {
    const user = await createUser(app);
    await app.database.database.query(VERIFY, [user.id]);
    return user;
  };
  const signIn = async ({ email }: User, userAgent: string): Promise<void> => {
    const { status } = await app.browser().request('/auth/login', {
      json: { email, password: PASSWORD },
      headers: { 'user-agent': userAgent },
    });
    expect(status).to.equal(200);
    await app.app.idle();
  };
  const notices = async ({ email }: User): Promise<number> =>
    (await mailsTo(app, email)).filter(({ template }) => template === 'new-sign-in').length;

  it('SEC-24: tells of a new device once, with what to do if it was somebody else', async () => {
    const user = await verifiedUser();
    await signIn(user, FIREFOX);
    await signIn(user, FIREFOX);
    expect(await notices(user), 'the first device is no news').to.equal(0);
    await signIn(user, SAFARI);
    const { text, link } = await mailTo(app, user.email, 'new-sign-in');
    expect(text).to.match(/Safari on iPhone, \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    expect(link).to.equal(`${app.issuer}/auth/password/forgot`);
    await signIn(user, SAFARI);
    await signIn(user, FIREFOX);
    expect(await notices(user)).to.equal(1);
  });

  it('SEC-24: writes nothing to an address that nobody has verified', async () => {
    const user = await createUser(app);
    await signIn(user, FIREFOX);
    await signIn(user, SAFARI);
    expect(await notices(user)).to.equal(0);
  });

  it('can be switched off', async () => {
    const quiet = await startTestApp({ settings: { SIGN_IN_NOTICES: 'off' } });
    try {
      expect(quiet.app.plugins.map(({ name }) => name)).not.to.include('sign-in-notices');
    } finally {
      await quiet.close();
    }
  });
});
