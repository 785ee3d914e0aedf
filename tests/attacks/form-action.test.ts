/** Which pages go without CSP `form-action` (B-01), and that no other does (SEC-93). */
import { expect } from 'chai';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { mailTo } from '../support/mailbox.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { registeredRoutes } from './registered-routes.ts';

const NOWHERE = '00000000-0000-4000-8000-000000000000';

const formActionOf = ({ headers }: Answer): string | undefined =>
  (headers.get('content-security-policy') ?? '')
    .split(/; ?/)
    .find((one) => one.startsWith('form-action'));

const isPage = ({ headers }: Answer): boolean =>
  headers.get('content-type')?.startsWith('text/html') === true;

describe('SEC-93 form-action', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  /** The page, and the one that its form leads to when it is sent with its token. */
  async function* walk(browser: Browser, path: string): AsyncGenerator<Answer> {
    const page = await browser.open(path);
    yield page;
    for (const { action, fields } of forms(page)) {
      const headers = { accept: 'text/html', 'sec-fetch-site': 'same-origin' };
      yield await browser.request(action, { form: fields, headers });
    }
  }

  it('SEC-93 B-01: of the pages of plugins only those of other providers go without', () => {
    const { pages } = registeredRoutes(app);
    const leaving = pages.filter(({ leavesSite }) => leavesSite).map(({ path }) => path);
    expect(new Set(leaving)).to.deep.equal(
      new Set([
        '/oauth2/:provider/authorize',
        '/oauth2/:provider/callback',
        '/oauth2/:provider/confirm/:code',
      ]),
    );
    expect(pages.length).to.be.greaterThan(leaving.length + 8);
  });

  it("SEC-93 every other page has form-action 'self', and so has what its form leads to", async () => {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    await browser.request('/auth/password/forgot', { json: { email: user.email } });
    const { link = '' } = await mailTo(app, user.email);
    const code = new URL(link).pathname.split('/').at(-1) ?? '';
    const { pages } = registeredRoutes(app);
    const paths = pages
      .filter(({ method, leavesSite }) => method === 'get' && !leavesSite)
      .map(({ path }) => path.replace(':code', code).replaceAll(/:\w+/g, NOWHERE));
    const seen: Record<string, number> = {};
    for (const path of [...paths, '/oidc/logout/success']) {
      for await (const answer of walk(browser, path)) {
        if (!isPage(answer)) continue;
        const { pathname } = new URL(answer.url);
        seen[pathname] ??= answer.status;
        expect(formActionOf(answer), pathname).to.equal("form-action 'self'");
      }
    }
    expect(seen).to.deep.include({
      '/': 200,
      '/mail': 200,
      '/auth/password/forgot': 200,
      '/auth/email/verify': 200,
      [`/l/${code}`]: 200,
      '/oidc/logout/success': 200,
    });
  });

  it("SEC-93 error pages have it too, also where the page itself has not; /auth/doc has 'none'", async () => {
    const browser = app.browser();
    const rp = await createRelyingParty(app);
    const page = await browser.open(rp.authorizationUrl());
    const form = forms(page)[0];
    const headers = { accept: 'text/html', 'sec-fetch-site': 'same-origin' };
    const answers = [
      await browser.request(form?.action ?? '', { form: { email: 'x' }, headers }),
      await browser.open(`/interaction/${NOWHERE}`),
      await browser.open('/oauth2/nobody/authorize'),
      await browser.open('/oauth2/nobody/callback?error=x'),
      await browser.open(`/oauth2/nobody/confirm/${NOWHERE}`),
      await browser.open('/oidc/authorize?client_id=unknown&response_mode=form_post'),
      await browser.open('/oidc/logout?client_id=unknown'),
      await browser.request('/oidc/logout/confirm', { form: { xsrf: 'x' }, headers }),
      await browser.open('/nothing/here'),
    ];
    for (const answer of answers) {
      expect([isPage(answer), answer.status >= 400], answer.url).to.deep.equal([true, true]);
      expect(formActionOf(answer), answer.url).to.equal("form-action 'self'");
    }
    expect(formActionOf(page)).to.equal(undefined);
    expect(formActionOf(await browser.open('/auth/doc'))).to.equal("form-action 'none'");
  });
});
