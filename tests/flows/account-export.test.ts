import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { countRows, createKnownUser, query } from '../support/known-user.ts';
import { PASSWORD, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

interface Export {
  readonly issuer: string;
  readonly user_id: string;
  readonly data: Readonly<Record<string, Readonly<Record<string, unknown>>[]>>;
}

/** The section of the export in which each table's rows are told. */
const SECTIONS: Readonly<Record<string, string>> = {
  consents: 'consents',
  email_links: 'email_links',
  grants: 'grants',
  identities: 'identities',
  login_history: 'login_history',
  sessions: 'sessions',
  user_roles: 'roles',
};

describe('GET /auth/me/export', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const exportOf = async (browser: Browser): Promise<Export> => {
    const answer = await browser.request('/auth/me/export');
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.headers.get('content-disposition')).to.match(
      /^attachment; filename="account-\d{4}-\d\d-\d\d\.json"$/,
    );
    return answer.json() as unknown as Export;
  };

  it('tells what every table has of the user', async () => {
    const { user, browser, rp } = await createKnownUser(app);
    await signedInBrowser(app, user);
    const found = await exportOf(browser);
    expect(found).to.deep.include({ issuer: app.issuer, user_id: user.id });
    for (const [table, count] of Object.entries(await countRows(app, user.id))) {
      const section = SECTIONS[table] ?? table;
      expect(found.data[section], `section ${section} of table ${table}`).to.have.lengthOf(count);
    }
    expect(found.data['profile']).to.deep.include({
      id: user.id,
      email: user.email,
      name: 'Test Person',
      has_password: true,
    });
    expect(found.data['roles']?.[0]).to.deep.include({ name: 'editor' });
    expect(found.data['consents']?.[0]).to.deep.include({
      client_id: rp.client.client_id,
      client_name: 'Test App',
    });
    expect(found.data['mails']).to.have.lengthOf(1);
    expect(found.data['login_history']?.[0]).to.include.keys('device', 'ip', 'auth_date');
  });

  it('tells no secret and no hash, and nothing of others', async () => {
    const { user, browser, tokens } = await createKnownUser(app);
    const { user: other } = await createKnownUser(app);
    const text = JSON.stringify(await exportOf(browser));
    const cookies = [
      await browser.cookie('authsrv-access'),
      await browser.cookie('authsrv-refresh'),
    ];
    const session = await browser.cookie('authsrv-session');
    const row = await query<{ password_hash: string }>(
      app,
      'SELECT password_hash FROM users WHERE id = $1',
      [user.id],
    );
    const secrets = [
      ...cookies,
      session,
      tokens.access_token,
      tokens.refresh_token,
      tokens.id_token,
      row[0]?.password_hash,
      PASSWORD,
    ].filter((secret) => (secret?.length ?? 0) > 12);
    expect(secrets).to.have.length.above(6);
    for (const secret of secrets) expect(text).to.not.contain(secret);
    expect(text).to.not.match(/argon2|HASH-|CANARY|_hash|rotation_salt/);
    expect(text).to.not.contain(other.id).and.to.not.contain(other.email);
  });

  it('is for the user alone', async () => {
    expect((await app.browser().request('/auth/me/export')).status).to.equal(401);
    const { tokens } = await createKnownUser(app);
    const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } };
    expect((await app.browser().request('/auth/me/export', bearer)).status).to.equal(403);
  });
});
