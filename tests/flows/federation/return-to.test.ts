import { expect } from 'chai';
import { parseReturnTo } from '../../../src/plugins/federation/return-to.ts';
import {
  authorizePath,
  createVerifiedUser,
  newPerson,
  type Stage,
  signInWith,
  startStage,
} from './stage.ts';

const ORIGIN = 'https://auth.example.com';
const APP = 'https://app.example.com';

const BAD = [
  '',
  ' ',
  '.',
  'account',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '\t//evil.example',
  '/\n/evil.example',
  '/%0d%0aSet-Cookie:a=b\r\n',
  '/\u0000',
  '/\u202Eevil',
  'https://evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'http://app.example.com',
  'https://app.example.com.evil.example',
  'https://app.example.com@evil.example',
  'https://app.example.com:443@evil.example',
  'https://user@app.example.com',
  'https://app.example.com:8443/',
  'https://app.example.com\\.evil.example',
  'https://xapp.example.com',
  'https://appXexample.com',
  'https://app.example.com%2eevil.example',
  'https://app.example.com%2f.evil.example/',
  'https://auth.example.com.evil.example/',
  'https://auth.example.com@evil.example/',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'file:///etc/passwd',
  'blob:https://app.example.com/x',
  'ftp://app.example.com/',
  'null',
  '*',
  `/${'a'.repeat(2001)}`,
];

const GOOD: Record<string, string> = {
  '/': `${ORIGIN}/`,
  '/a/b?c=d#e': `${ORIGIN}/a/b?c=d#e`,
  '/a/../b': `${ORIGIN}/b`,
  '/https://evil.example': `${ORIGIN}/https://evil.example`,
  '/@evil.example': `${ORIGIN}/@evil.example`,
  [`${ORIGIN}/x`]: `${ORIGIN}/x`,
  [APP]: `${APP}/`,
  [`${APP}:443/done?x=//evil.example`]: `${APP}/done?x=//evil.example`,
  'HTTPS://APP.EXAMPLE.COM/': `${APP}/`,
};

describe('return_to', () => {
  for (const text of BAD) {
    it(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
      expect(parseReturnTo(text, { origin: ORIGIN, others: [APP] })).to.equal(undefined);
    });
  }
  for (const [text, url] of Object.entries(GOOD)) {
    it(`allows ${text}`, () => {
      expect(parseReturnTo(text, { origin: ORIGIN, others: [APP] })).to.equal(url);
    });
  }

  describe('over HTTP', () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ settings: { CORS_ORIGINS: APP } });
    });
    after(() => stage.close());

    it('is checked before anybody leaves, for linking too', async () => {
      const { app, google } = stage;
      newPerson(google);
      for (const text of BAD) {
        const answer = await app.browser().request(authorizePath('google', text));
        expect(answer.status, text).to.equal(400);
        expect(answer.location).to.equal(undefined);
      }
      const browser = app.browser();
      await signInWith(browser, 'google');
      for (const text of ['//evil.example', 'https://evil.example']) {
        const json = { return_to: text };
        const answer = await browser.request('/oauth2/acme/link', { json });
        expect(answer.status).to.equal(400);
      }
    });

    it('leads to an allowed origin, also after the question', async () => {
      const { app, google } = stage;
      newPerson(google);
      const landed = await signInWith(app.browser(), 'google', `${APP}/welcome?a=1`);
      expect(landed.location?.href).to.equal(`${APP}/welcome?a=1`);
      const user = await createVerifiedUser(app);
      newPerson(google, { email: user.email });
      const browser = app.browser();
      const asked = await signInWith(browser, 'google', `${APP}/welcome`);
      expect(asked.headers.get('content-security-policy')).not.to.contain('form-action');
      const done = await browser.submit(asked, { password: 'seven quiet herons fly' });
      expect(done.location?.href).to.equal(`${APP}/welcome`);
    });
  });
});
