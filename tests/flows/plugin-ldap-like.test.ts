/** The example of a plugin with a table and a way to sign in: through the API, the pages and the command line. */
import path from 'node:path';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { auditLines, authsrv, notes } from '../support/authsrv.ts';
import type { Answer, Browser } from '../support/browser.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { SECRET_KEY } from '../support/server-process.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const PLUGINS = path.join(import.meta.dirname, '../../examples/plugin-ldap-like/index.ts');
const PASSWORD = 'six small boats drift';

describe('the example plugin with a table and a way to sign in', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let app: TestApp;

  const run = (line: string, stdin = '') =>
    authsrv(line.split(' '), { stdin, env: { DATABASE_URL: database.url, PLUGINS, SECRET_KEY } });

  before(async () => {
    database = await createTestDatabase();
    const migrated = await run('migrate up');
    expect([migrated.code, migrated.stdout, notes(migrated)]).to.deep.equal([
      0,
      'applied 20261123000000-directory.cjs\n',
      '',
    ]);
    app = await startTestApp({ database, settings: { PLUGINS, SECRET_KEY } });
    const added = await run('directory add ada ada@example.com Ada', PASSWORD);
    expect(added.stdout).to.equal('ada is in the directory.\n');
    expect(auditLines(added)[0]).to.include({ event: 'admin.directory_changed', target: 'ada' });
  });
  after(async () => {
    await app?.close();
    await database?.drop();
  });

  /** Fills in the form that this answer, or the redirects behind it, led to. */
  const submit = async (
    browser: Browser,
    page: Answer,
    fields: Record<string, string>,
  ): Promise<Answer> => browser.submit(await browser.follow(page), fields);
  const next = (browser: Browser, page: Answer): Promise<Answer> => {
    const [, href = ''] = /class="button button-primary" href="([^"]+)"/.exec(page.text) ?? [];
    return browser.request(new URL(href.replaceAll('&amp;', '&'), app.issuer).href);
  };

  it('signs in through the API, with an account of its own and the same session as anybody', async () => {
    const browser = app.browser();
    const { pathname } = new URL(`${app.issuer}/auth/me`);
    const form = await browser.request(`/oauth2/directory/authorize?return_to=${pathname}`);
    const done = await submit(browser, form, { uid: 'ada', password: PASSWORD });
    expect(done.status).to.equal(200);
    expect(done.text).to.include('Welcome, <bdi>Ada</bdi>');
    const me = await next(browser, done);
    expect(me.json()).to.include({ email: 'ada@example.com', email_verified: true, name: 'Ada' });
    const sessions = await browser.request('/auth/sessions');
    expect(sessions.json<{ sessions: object[] }>().sessions).to.have.length(1);
  });

  it('signs in on the hosted pages, back to the relying party', async () => {
    const rp = await createRelyingParty(app);
    const browser = app.browser();
    const page = await browser.follow(await rp.authorize(browser));
    const [, href = ''] =
      /href="([^"]+)"[^>]*>Continue with Example Directory</.exec(page.text) ?? [];
    const form = await browser.request(new URL(href.replaceAll('&amp;', '&'), app.issuer).href);
    const done = await submit(browser, form, { uid: 'ada', password: PASSWORD });
    const { status, body } = await rp.redeem(
      codeOf(await browser.follow(await next(browser, done))),
    );
    expect(status).to.equal(200);
    expect(body.access_token).to.be.a('string');
    const users = await app.app.use(Users).list({ query: 'ada@example.com', limit: 10 });
    expect(users, 'the same person as before').to.have.length(1);
  });

  for (const [uid, password] of [
    ['ada', 'wrong'],
    ['nobody', PASSWORD],
    ['', ''],
    ['ada\0', PASSWORD],
    ["' OR 1=1 --", PASSWORD],
  ]) {
    it(`lets nobody in as ${JSON.stringify(uid)} with ${JSON.stringify(password)}`, async () => {
      const browser = app.browser();
      const form = await browser.request('/oauth2/directory/authorize?return_to=/');
      const refused = await submit(browser, form, { uid: uid ?? '', password: password ?? '' });
      expect(refused.status).to.be.within(400, 401);
      expect((await browser.request('/auth/me')).status).to.equal(401);
    });
  }

  it('is listed by its own history, goes down alone and comes up again', async () => {
    const status = await run('migrate status');
    expect(status.stdout).to.match(/^applied {2}20261123000000-directory\.cjs {2}\(directory\)$/m);
    const down = await run('migrate down --plugin directory');
    expect(down.stdout).to.equal('reverted 20261123000000-directory.cjs\n');
    expect((await run('migrate status')).stdout).to.match(/^pending .*\(directory\)$/m);
    expect((await run('migrate up')).stdout).to.equal('applied 20261123000000-directory.cjs\n');
    const unknown = await run('migrate down --plugin hats');
    expect(unknown).to.deep.include({
      code: 1,
      stderr: 'No plugin "hats" with migrations is installed.\n',
    });
  });
});
