import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { createUser, signedInBrowser, signIn } from '../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`code flow, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store });
    });
    after(() => app.close());

    it('signs in on the hosted page and gives tokens that carry roles', async () => {
      const rp = await createRelyingParty(app);
      const user = await createUser(app, ['editor']);
      const browser = app.browser();
      const page = await rp.authorize(browser);
      expect(page.status).to.equal(200);
      const back = await signIn(browser, page, user);
      expect(back.location?.searchParams.get('iss')).to.equal(app.issuer);
      const { status, body } = await rp.redeem(codeOf(back));
      expect(status).to.equal(200);
      const claims = decodeJwt(body.access_token ?? '');
      expect(claims).to.deep.include({
        sub: user.id,
        roles: ['editor'],
        client_id: rp.client.client_id,
      });
      expect(claims.aud).to.deep.equal([`${app.issuer}/api`, app.issuer]);
      expect(decodeJwt(body.id_token ?? '')).to.include({ sub: user.id, aud: rp.client.client_id });
    });

    it('answers prompt=none after a REST login with a code for a first-party client', async () => {
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      const answer = await rp.authorize(browser, { prompt: 'none' });
      expect((await rp.redeem(codeOf(answer))).status).to.equal(200);
    });

    it('asks for consent once, over all sessions', async () => {
      const rp = await createRelyingParty(app, { first_party: false });
      const user = await createUser(app);
      const first = await signedInBrowser(app, user);
      expect(errorOf(await rp.authorize(first, { prompt: 'none' }))).to.equal('consent_required');
      const page = await rp.authorize(first);
      codeOf(await first.submit(page, {}, (form) => form.action.endsWith('/allow')));
      const second = await signedInBrowser(app, user);
      codeOf(await rp.authorize(second, { prompt: 'none' }));
    });

    it('refreshes, and refuses the used token', async () => {
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      const next = await rp.refresh(body.refresh_token ?? '');
      expect(next.status).to.equal(200);
      expect((await rp.refresh(body.refresh_token ?? '')).body.error).to.equal('invalid_grant');
      expect((await rp.refresh(next.body.refresh_token ?? '')).status).to.equal(200);
    });
  });
}
