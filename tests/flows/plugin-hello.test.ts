/** A third-party plugin, switched on by PLUGINS: what it adds is there, and two that want the same do not start. */
import path from 'node:path';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { User } from '../../src/plugins/users/contract.ts';
import { authsrv } from '../support/authsrv.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { plugin as rival } from './rival-plugin.ts';

const HELLO = path.join(import.meta.dirname, '../../examples/plugin-hello/index.ts');
const RIVAL = path.join(import.meta.dirname, 'rival-plugin.ts');

describe('the example plugin', () => {
  let app: TestApp;
  let user: User;
  let browser: Browser;

  before(async () => {
    app = await startTestApp({ settings: { PLUGINS: HELLO, HELLO_GREETING: 'Good day' } });
    user = await createUser(app);
    browser = await signedInBrowser(app, user);
  });
  after(() => app.close());

  const greeting = (): string => `Good day, ${user.id.split('-')[0]}`;

  it('adds a route, with its setting and its validation', async () => {
    const answer = await app.browser().request('/hello?name=Ada');
    expect(answer.status).to.equal(200);
    expect(answer.json()).to.deep.equal({ greeting: 'Good day, Ada' });
    const wrong = await app.browser().request(`/hello?name=${'x'.repeat(51)}`);
    expect(wrong.status).to.equal(400);
    expect(wrong.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect((await app.browser().request('/hello', { method: 'DELETE' })).status).to.equal(405);
  });

  it('adds a claim to access tokens, and to userinfo for the scope profile', async () => {
    const rp = await createRelyingParty(app);
    const claimsFor = async (scope: string) => {
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope })));
      const headers = { authorization: `Bearer ${body.access_token}` };
      const userinfo = await app.browser().request('/oidc/userinfo', { headers });
      return { token: decodeJwt(body.access_token ?? ''), userinfo: userinfo.json() };
    };
    const profile = await claimsFor('openid profile');
    expect(profile.token['greeting']).to.equal(greeting());
    expect(profile.userinfo['greeting']).to.equal(greeting());
    const bare = await claimsFor('openid');
    expect(bare.userinfo).not.to.have.property('greeting');
  });

  it('adds the claim to the cookie API’s access token too', async () => {
    const token = decodeJwt((await browser.cookie('authsrv-access')) ?? '');
    expect(token['greeting']).to.equal(greeting());
  });

  it('is named in the metadata by its claim', async () => {
    const metadata = (await app.browser().request('/.well-known/openid-configuration')).json();
    expect(metadata['claims_supported']).to.include('greeting');
  });

  it('is not there unless PLUGINS names it', async () => {
    const plain = await startTestApp();
    try {
      expect((await plain.browser().request('/hello')).status).to.equal(404);
    } finally {
      await plain.close();
    }
  });

  describe('at the command line', () => {
    const run = (args: string[], env: Record<string, string> = {}) =>
      authsrv(args, {
        env: {
          DATABASE_URL: app.database.url,
          PUBLIC_URL: 'http://localhost:3000',
          SECRET_KEY: 'test-only-key-0123456789-0123456789-0123456789',
          PORT: '0',
          PLUGINS: HELLO,
          ...env,
        },
      });

    it('adds a command', async () => {
      const { code, stdout } = await run(['hello', 'Ada']);
      expect(stdout).to.equal('Hello, Ada\n');
      expect(code).to.equal(0);
    });

    for (const kind of ['route', 'claim']) {
      it(`SEC-96: does not start beside a plugin that claims the same ${kind}, and names both`, async () => {
        const env = { PLUGINS: `${HELLO},${RIVAL}`, RIVAL_CLAIMS: kind };
        const { code, stderr } = await run(['start'], env);
        expect(code).to.equal(1);
        expect(stderr).to.match(
          new RegExp(`Plugins "hello" and "${rival.name}" both claim the ${kind} "`),
        );
        expect(stderr).not.to.match(/\n\s+at /);
      });
    }

    it('SEC-96: does not start twice', async () => {
      const { code, stderr } = await run(['start'], { PLUGINS: `${HELLO},${HELLO}` });
      expect(code).to.equal(1);
      expect(stderr).to.contain('Two plugins are named "hello"');
    });
  });
});
