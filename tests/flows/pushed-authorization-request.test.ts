/** Pushed authorization requests, RFC 9126. */
import { expect } from 'chai';
import { createUser, signedInBrowser, signIn } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

for (const store of storeKinds) {
  describe(`pushed authorization requests, state store on ${store}`, () => {
    let app: TestApp;
    let rp: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      rp = await createRelyingParty(app);
    });
    after(() => app.close());

    const push = async (params: Record<string, string> = {}, as = rp): Promise<string> => {
      const answer = await as.post('/oidc/par', {
        client_id: as.client.client_id,
        response_type: 'code',
        redirect_uri: as.redirectUri,
        scope: 'openid email',
        state: 'pushed',
        code_challenge: as.challenge,
        code_challenge_method: 'S256',
        ...params,
      });
      expect(answer.status).to.equal(201);
      const body = answer.json<{ request_uri: string; expires_in: number }>();
      expect(body.expires_in).to.be.within(1, 60);
      expect(body.request_uri).to.match(/^urn:ietf:params:oauth:request_uri:.{20,}/);
      return body.request_uri;
    };

    const url = (request_uri: string, params: Record<string, string> = {}, as = rp): string =>
      `/oidc/authorize?${new URLSearchParams({ client_id: as.client.client_id, request_uri, ...params })}`;

    it('leads a signed-in person to a code with what was pushed', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const answer = await browser.open(url(await push()));
      expect(answer.location?.searchParams.get('state')).to.equal('pushed');
      expect(answer.location?.searchParams.get('iss')).to.equal(app.issuer);
      const { status, body } = await rp.redeem(codeOf(answer));
      expect(status).to.equal(200);
      expect(body.scope).to.equal('openid email');
    });

    it('survives the sign-in on the way', async () => {
      const browser = app.browser();
      const page = await browser.open(url(await push()));
      const answer = await signIn(browser, page, await createUser(app));
      expect((await rp.redeem(codeOf(answer))).status).to.equal(200);
    });

    it('takes nothing from the query of the browser', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const changed = { scope: 'openid profile', state: 'other', redirect_uri: rp.redirectUri };
      const answer = await browser.open(url(await push(), changed));
      expect(answer.location?.searchParams.get('state')).to.equal('pushed');
      expect((await rp.redeem(codeOf(answer))).body.scope).to.equal('openid email');
    });

    it('gives one code for a request, also to 10 parallel uses', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const target = url(await push());
      const answers = await Promise.all(Array.from({ length: 10 }, () => browser.open(target)));
      const codes = answers.filter(({ location }) => location?.searchParams.has('code'));
      expect(codes).to.have.length(1);
      const later = await browser.open(target);
      expect(later.location?.searchParams.has('code') ?? false).to.equal(false);
    });

    it('is for the client that pushed it', async () => {
      const other = await createRelyingParty(app);
      const browser = await signedInBrowser(app, await createUser(app));
      const answer = await browser.open(url(await push(), {}, other));
      expect(answer.status).to.equal(400);
      expect(answer.location).to.equal(undefined);
    });

    it('refuses a request_uri that was never pushed, or is somewhere else', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      for (const uri of ['urn:ietf:params:oauth:request_uri:x', `${app.socket}/request.jwt`]) {
        const answer = await browser.open(url(uri));
        expect(answer.location?.searchParams.has('code') ?? false).to.equal(false);
        expect(answer.status).to.equal(400);
      }
    });

    it('checks the request when it is pushed', async () => {
      const wrong: Record<string, Record<string, string>> = {
        invalid_request: { code_challenge_method: 'plain' },
        unsupported_response_type: { response_type: 'none' },
        invalid_target: { resource: 'https://other.example.com/' },
        request_uri_not_supported: { request_uri: 'urn:ietf:params:oauth:request_uri:x' },
      };
      for (const [error, params] of Object.entries(wrong)) {
        const answer = await rp.post('/oidc/par', {
          client_id: rp.client.client_id,
          response_type: 'code',
          redirect_uri: rp.redirectUri,
          scope: 'openid',
          code_challenge: rp.challenge,
          code_challenge_method: 'S256',
          ...params,
        });
        expect(answer.status, error).to.equal(400);
        expect(answer.json()['error']).to.equal(error);
      }
    });

    it('answers prompt=none as a request in the browser would', async () => {
      const answer = await app.browser().open(url(await push({ prompt: 'none' })));
      expect(errorOf(answer)).to.equal('login_required');
    });
  });
}
