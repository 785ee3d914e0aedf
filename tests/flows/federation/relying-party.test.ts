/** The example application, real libraries on both sides, with the button of another provider. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { expect } from 'chai';
import { createApp } from '../../../examples/relying-party/app.ts';
import { readSettings } from '../../../examples/relying-party/settings.ts';
import { type Answer, type Browser, forms } from '../../support/browser.ts';
import { freePort } from '../../support/free-port.ts';
import { createRelyingParty } from '../../support/relying-party.ts';
import { newPerson, type Stage, startStage, walk } from './stage.ts';

describe('examples/relying-party with the button of another provider', () => {
  let stage: Stage;
  let server: Server;
  let baseUrl: string;
  before(async () => {
    stage = await startStage();
    const port = await freePort();
    baseUrl = `http://127.0.0.1:${port}`;
    const { client, secret = '' } = await createRelyingParty(stage.app, {
      redirect_uris: [`${baseUrl}/callback`],
      post_logout_redirect_uris: [`${baseUrl}/signed-out`],
    });
    const settings = readSettings({
      ISSUER: stage.app.issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: secret,
      BASE_URL: baseUrl,
      API_URL: stage.app.issuer,
    });
    const callback = createApp({ settings, now: Date.now, log: () => undefined }).callback();
    server = createServer((req, res) => void callback(req, res)).listen(port, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await stage.close();
  });

  const open = async (browser: Browser, url: string): Promise<Answer> =>
    walk(browser, await browser.request(url, { headers: { accept: 'text/html' } }));

  /** Sends a form, wherever the page is from. */
  const send = async (
    browser: Browser,
    page: Answer,
    path: string,
    button: Readonly<Record<string, string>> = {},
  ): Promise<Answer> => {
    const form = forms(page).find(({ action }) => new URL(action).pathname === path);
    if (!form) throw new Error(`no form ${path} on ${page.url}`);
    const headers = { origin: new URL(page.url).origin, 'sec-fetch-site': 'same-origin' };
    const fields = { ...form.fields, ...button };
    return walk(browser, await browser.request(form.action, { form: fields, headers }));
  };

  it('signs in at the application with an account there, and out again', async () => {
    const email = newPerson(stage.google);
    const browser = stage.app.browser();
    const page = await open(browser, `${baseUrl}/sign-in`);
    const [, href = ''] = /href="([^"]*\/federation\?provider=google)"/.exec(page.text) ?? [];
    const home = await open(browser, new URL(href, page.url).href);
    expect(new URL(home.url).origin).to.equal(baseUrl);
    expect(home.text).to.include('You are signed in as');

    const profile = await open(browser, `${baseUrl}/profile`);
    expect(profile.text).to.include('Upstream Person').and.include(email);
    expect(profile.text).to.match(/email_verified<\/th><td>true/);

    const asks = await send(browser, profile, '/sign-out');
    const after = await send(browser, asks, '/oidc/logout/confirm', { logout: 'yes' });
    expect(after.url).to.equal(`${baseUrl}/signed-out`);
    expect((await open(browser, baseUrl)).text).to.include('You are not signed in.');
    const again = await open(browser, `${baseUrl}/sign-in`);
    expect(again.text, 'signed out here too').to.include('Continue with Google');
  });
});
