/** Native apps listen on a port of the moment; nobody else's URI is flexible (RFC 8252 §7.3). */
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { expectErrorPage } from './expect-error-page.ts';

describe('loopback ports', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app));
  });
  after(() => app.close());

  const goesOn = async (as: RelyingParty, redirect_uri: string): Promise<boolean> => {
    const answer = await browser.request(as.authorizationUrl({ redirect_uri }));
    if (answer.status === 303) return true;
    expectErrorPage(answer);
    return false;
  };

  it('SEC-52: any port for a native client that registered a loopback address', async () => {
    const native = await createRelyingParty(app, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]:7777/cb'],
    });
    const accepted = [
      'http://127.0.0.1/cb',
      'http://127.0.0.1:1/cb',
      'http://127.0.0.1:65535/cb',
      'http://[::1]:7777/cb',
      'http://[::1]:50000/cb',
    ];
    for (const uri of accepted) expect(await goesOn(native, uri), uri).to.equal(true);
  });

  it('SEC-52: nothing but the port may differ', async () => {
    const native = await createRelyingParty(app, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/cb'],
    });
    const refused = [
      'http://127.0.0.1:8080/cb/',
      'http://127.0.0.1:8080/other',
      'http://127.0.0.1:8080/cb?a=b',
      'http://127.0.0.1:8080/cb#a',
      'http://127.0.0.2:8080/cb',
      'http://localhost:8080/cb',
      'http://[::1]:8080/cb',
      'https://127.0.0.1:8080/cb',
      'http://127.0.0.1:8080@evil.example/cb',
      'http://evil.example@127.0.0.1:8080/cb',
      'http://127.0.0.1:99999/cb',
      'http://127.0.0.1:-1/cb',
      'http://127.0.0.1:8080.evil.example/cb',
      'http://0x7f.1:8080/cb',
      'http://127.1:8080/cb',
      'http://2130706433:8080/cb',
      'http://127.0.0.1.evil.example:8080/cb',
    ];
    for (const uri of refused) expect(await goesOn(native, uri), uri).to.equal(false);
  });

  it('SEC-52: a web client gets no other port, a native one none on a real host', async () => {
    const web = await createRelyingParty(app, { redirect_uris: ['http://127.0.0.1:3000/cb'] });
    expect(await goesOn(web, 'http://127.0.0.1:3000/cb')).to.equal(true);
    expect(await goesOn(web, 'http://127.0.0.1:3001/cb')).to.equal(false);
    expect(await goesOn(web, 'http://127.0.0.1/cb')).to.equal(false);
    const native = await createRelyingParty(app, {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example.com/cb', 'com.example.app:/cb'],
    });
    expect(await goesOn(native, 'https://app.example.com:8443/cb')).to.equal(false);
    expect(await goesOn(native, 'com.example.app:8080/cb')).to.equal(false);
  });
});
