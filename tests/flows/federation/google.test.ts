import { expect } from 'chai';
import { me, newPerson, type Stage, signInWith, startStage } from './stage.ts';

describe('Google of one Workspace domain', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ settings: { GOOGLE_HOSTED_DOMAIN: 'acme.example' } });
  });
  after(() => stage.close());

  it('asks for the domain, and admits whose signed hd says so', async () => {
    const { app, google } = stage;
    newPerson(google, { hd: 'acme.example' });
    const browser = app.browser();
    expect((await signInWith(browser, 'google')).status).to.equal(200);
    expect(google.requests.at(-1)?.get('hd')).to.equal('acme.example');
    expect(await me(browser)).to.not.equal(undefined);
  });

  for (const hd of ['evil.example', 'ACME.example', '', ['acme.example'], undefined]) {
    it(`refuses ${JSON.stringify(hd) ?? 'private accounts, which have none'}`, async () => {
      const { app, google } = stage;
      newPerson(google, hd === undefined ? {} : { hd });
      const browser = app.browser();
      const page = await signInWith(browser, 'google');
      expect(page.status).to.equal(403);
      expect(page.text).to.include('acme.example');
      expect(await me(browser)).to.equal(undefined);
    });
  }
});
