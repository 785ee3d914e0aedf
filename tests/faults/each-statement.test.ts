/** Each statement of a code flow in turn goes without an answer: whoever asked is told to try again (I5). */
import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import { type Browser, forms } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly location?: URL | undefined;
}

describe('statements without an answer (I5)', function () {
  this.timeout(60_000);
  const seen = new Set<string>();
  let failing: string | undefined;
  let app: TestApp;
  let rp: RelyingParty;

  /** Fails the statement that is to fail, after it has run: nobody knows. */
  const wrapStorage = (storage: Storage): Storage => ({
    ...storage,
    db: {
      ...storage.db,
      async query(statement, values, transaction) {
        seen.add(statement.name);
        const rows = await storage.db.query(statement, values, transaction);
        if (statement.name === failing) throw new StoreUnavailable('PostgreSQL did not answer');
        return rows as never;
      },
    },
  });

  before(async () => {
    app = await startTestApp({ wrapStorage });
    rp = await createRelyingParty(app, { first_party: false });
  });
  after(() => app.close());

  /** Somebody who has allowed the client what it asks for. */
  async function consented(): Promise<Browser> {
    const browser = await signedInBrowser(app, await createUser(app));
    const page = await rp.authorize(browser);
    const isAllow = ({ action }: { action: string }): boolean => action.endsWith('/allow');
    if (forms(page).some(isAllow)) await browser.submit(page, {}, isAllow);
    return browser;
  }

  /** Every endpoint once, as far as it gets. */
  async function* walk(browser: Browser): AsyncGenerator<Told> {
    const authorized = await rp.authorize(browser);
    yield authorized;
    const code = authorized.location?.searchParams.get('code');
    if (!code) return;
    const { body, ...redeemed } = await rp.redeem(code);
    yield redeemed;
    const { access_token: access = '', refresh_token: refresh = '' } = body;
    yield app
      .browser()
      .request('/oidc/userinfo', { headers: { authorization: `Bearer ${access}` } });
    yield rp.refresh(refresh);
    const page = await browser.request('/oidc/logout');
    yield page;
    if (forms(page).length > 0) yield browser.submit(page);
  }

  it('none makes a 500 of it', async () => {
    const statements = await (async () => {
      const browser = await consented();
      seen.clear();
      for await (const { status } of walk(browser)) expect(status).to.be.below(400);
      return [...seen];
    })();
    expect(statements).to.include.members(['grants-insert', 'consents-find', 'grants-rotate']);
    const told: string[] = [];
    for (const statement of statements) {
      const browser = await consented();
      failing = statement;
      for await (const { status, headers, location } of walk(browser)) {
        const error = location?.searchParams.get('error');
        const isFine = status < 500 || (status === 503 && headers.has('retry-after'));
        if (!isFine || error === 'server_error')
          told.push(`${statement}: ${status} ${error ?? ''}`);
      }
      failing = undefined;
    }
    expect(told).to.deep.equal([]);
  });
});
