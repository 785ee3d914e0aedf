/** PKCE with S256 for every client and every code (RFC 7636, RFC 9700 §2.1.1). */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const s256 = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url');

describe('PKCE', () => {
  let app: TestApp;
  let browser: Browser;
  const clients: Record<string, RelyingParty> = {};

  before(async () => {
    app = await startTestApp();
    browser = await signedInBrowser(app, await createUser(app));
    clients['confidential'] = await createRelyingParty(app);
    clients['public'] = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
  });
  after(() => app.close());

  const of = (kind: string): RelyingParty => clients[kind] as RelyingParty;

  for (const kind of ['confidential', 'public']) {
    describe(`of a ${kind} client`, () => {
      const refusals: Record<string, Record<string, string | undefined>> = {
        'no challenge': { code_challenge: undefined, code_challenge_method: undefined },
        'an empty challenge': { code_challenge: '' },
        'an empty challenge and no method': {
          code_challenge: '',
          code_challenge_method: undefined,
        },
        'a method without a challenge': { code_challenge: undefined },
        'a challenge without a method (it would be plain)': { code_challenge_method: undefined },
        'method plain': { code_challenge_method: 'plain' },
        'method s256 in other letters': { code_challenge_method: 's256' },
        'an unknown method': { code_challenge_method: 'S512' },
        'a challenge too short': { code_challenge: 'a'.repeat(42) },
        'a challenge too long': { code_challenge: 'a'.repeat(129) },
        'a challenge of other characters': { code_challenge: `${'a'.repeat(43)}+/=` },
      };
      for (const [name, params] of Object.entries(refusals)) {
        it(`SEC-54 authentik CVE-2024-23647: the authorization endpoint refuses ${name}`, async () => {
          const answer = await of(kind).authorize(browser, params);
          expect(errorOf(answer)).to.equal('invalid_request');
          expect(answer.location?.searchParams.has('code')).to.equal(false);
        });
      }

      it('SEC-54: refuses a pushed request without a challenge', async () => {
        const rp = of(kind);
        const answer = await rp.post('/oidc/par', {
          client_id: rp.client.client_id,
          response_type: 'code',
          redirect_uri: rp.redirectUri,
          scope: 'openid',
        });
        expect(answer.status).to.equal(400);
        expect(answer.json()['error']).to.equal('invalid_request');
      });

      const wrong: Record<string, Record<string, string>> = {
        'an empty verifier': { code_verifier: '' },
        'another verifier': { code_verifier: 'b'.repeat(43) },
        'a verifier too short': { code_verifier: 'short' },
        'a verifier too long': { code_verifier: 'a'.repeat(129) },
        'a verifier of other characters': { code_verifier: `${'a'.repeat(43)}!` },
      };
      for (const [name, fields] of Object.entries(wrong)) {
        it(`SEC-54 authentik CVE-2023-48228: the token endpoint refuses ${name}`, async () => {
          const rp = of(kind);
          const code = codeOf(await rp.authorize(browser));
          const { status, body } = await rp.redeem(code, fields);
          expect(status).to.equal(400);
          expect(body.error).to.be.oneOf(['invalid_grant', 'invalid_request']);
          expect(body).not.to.have.any.keys('access_token', 'id_token', 'refresh_token');
        });
      }

      it('SEC-54 authentik CVE-2023-48228: the token endpoint refuses no verifier at all', async () => {
        const rp = of(kind);
        const code = codeOf(await rp.authorize(browser));
        const { status, body } = await rp.token({
          grant_type: 'authorization_code',
          code,
          redirect_uri: rp.redirectUri,
        });
        expect(status).to.equal(400);
        expect(body.error).to.equal('invalid_grant');
      });

      it('SEC-54: the challenge itself is no verifier (plain by the back door)', async () => {
        const rp = of(kind);
        const code = codeOf(await rp.authorize(browser));
        const { body } = await rp.redeem(code, { code_verifier: rp.challenge });
        expect(body.error).to.equal('invalid_grant');
      });
    });
  }

  it("SEC-54: another request's verifier does not open this request's code", async () => {
    const rp = of('public');
    const mine = 'm'.repeat(43);
    const code = codeOf(await rp.authorize(browser, { code_challenge: s256(mine) }));
    expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
    expect((await rp.redeem(code, { code_verifier: mine })).status).to.equal(200);
  });

  it('SEC-54: the longest and the shortest verifier that RFC 7636 allows work', async () => {
    const rp = of('public');
    for (const length of [43, 128]) {
      const verifier = '~'.repeat(length);
      const code = codeOf(await rp.authorize(browser, { code_challenge: s256(verifier) }));
      expect((await rp.redeem(code, { code_verifier: verifier })).status).to.equal(200);
    }
  });

  it('SEC-54: metadata offers S256 and nothing else', async () => {
    const { code_challenge_methods_supported: methods } = (
      await app.browser().request('/.well-known/openid-configuration')
    ).json();
    expect(methods).to.deep.equal(['S256']);
  });
});
