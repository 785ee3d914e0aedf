/** Sender-constrained tokens, RFC 9449. */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ageRecords } from '../support/ageing.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { createDpopKey, type DpopKey } from './dpop-proof.ts';

for (const store of storeKinds) {
  describe(`DPoP, state store on ${store}`, () => {
    let app: TestApp;
    let browser: Browser;
    let key: DpopKey;
    const clients: Record<string, RelyingParty> = {};

    before(async () => {
      app = await startTestApp({ store });
      browser = await signedInBrowser(app, await createUser(app));
      key = await createDpopKey();
      clients['public'] = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
      clients['confidential'] = await createRelyingParty(app);
    });
    after(() => app.close());

    const endpoint = (name: string): string => `${app.issuer}/oidc/${name}`;
    const of = (kind: string): RelyingParty => clients[kind] as RelyingParty;

    const redeem = async (rp: RelyingParty, by = key, proof?: string) =>
      rp.token(
        {
          grant_type: 'authorization_code',
          code: codeOf(await rp.authorize(browser)),
          redirect_uri: rp.redirectUri,
          code_verifier: rp.verifier,
        },
        { headers: { dpop: proof ?? (await by.prove(endpoint('token'))) } },
      );

    const refresh = async (rp: RelyingParty, token: string, by?: DpopKey) =>
      rp.token(
        { grant_type: 'refresh_token', refresh_token: token },
        by ? { headers: { dpop: await by.prove(endpoint('token')) } } : {},
      );

    const userinfo = async (token: string, scheme: string, proof?: string) =>
      app.browser().request('/oidc/userinfo', {
        headers: { authorization: `${scheme} ${token}`, ...(proof ? { dpop: proof } : {}) },
      });

    for (const kind of ['public', 'confidential']) {
      it(`binds the access token of a ${kind} client to its key`, async () => {
        const { status, body } = await redeem(of(kind));
        expect(status).to.equal(200);
        expect(body.token_type).to.equal('DPoP');
        expect(decodeJwt(body.access_token ?? '')['cnf']).to.deep.equal({ jkt: key.jkt });
      });
    }

    it('refreshes the token of a public client with the same key only', async () => {
      const rp = of('public');
      const { body } = await redeem(rp);
      const token = body.refresh_token ?? '';
      expect((await refresh(rp, token)).body.error).to.be.oneOf([
        'invalid_grant',
        'invalid_request',
      ]);
      expect((await refresh(rp, token, await createDpopKey())).body.error).to.equal(
        'invalid_grant',
      );
      const next = await refresh(rp, token, key);
      expect(next.status).to.equal(200);
      expect(next.body.token_type).to.equal('DPoP');
      expect(decodeJwt(next.body.access_token ?? '')['cnf']).to.deep.equal({ jkt: key.jkt });
      expect((await refresh(rp, next.body.refresh_token ?? '', key)).status).to.equal(200);
    });

    it('takes the token at userinfo with a proof of the key', async () => {
      const { body } = await redeem(of('public'));
      const token = body.access_token ?? '';
      const proof = await key.prove(endpoint('userinfo'), { method: 'GET', token });
      const answer = await userinfo(token, 'DPoP', proof);
      expect(answer.status).to.equal(200);
      expect(answer.json()['sub']).to.equal(decodeJwt(token).sub);
    });

    it('takes it neither as Bearer nor with a proof of another key, token, method or place', async () => {
      const { body } = await redeem(of('public'));
      const token = body.access_token ?? '';
      const other = await createDpopKey();
      const url = endpoint('userinfo');
      const good = { method: 'GET', token };
      expect((await userinfo(token, 'Bearer')).status).to.equal(401);
      const proven = await userinfo(token, 'Bearer', await key.prove(url, good));
      expect(proven.status).to.be.oneOf([400, 401]);
      const wrong: Record<string, string | undefined> = {
        'no proof': undefined,
        'another key': await other.prove(url, good),
        'another token': await key.prove(url, { method: 'GET', token: 'x' }),
        'no token hash': await key.prove(url, { method: 'GET' }),
        'another method': await key.prove(url, { method: 'POST', token }),
        'another URL': await key.prove(endpoint('token'), good),
        'an old proof': await key.prove(url, { ...good, claims: { iat: 1_000_000_000 } }),
        'another type': await key.prove(url, { ...good, header: { typ: 'JWT' } }),
        'no JWT': 'x',
      };
      for (const [name, proof] of Object.entries(wrong)) {
        expect((await userinfo(token, 'DPoP', proof)).status, name).to.be.oneOf([400, 401]);
      }
    });

    it('takes a proof once', async () => {
      const { body } = await redeem(of('public'));
      const token = body.access_token ?? '';
      const proof = await key.prove(endpoint('userinfo'), { method: 'GET', token });
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => userinfo(token, 'DPoP', proof)),
      );
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      const tokenProof = await key.prove(endpoint('token'));
      expect((await redeem(of('public'), key, tokenProof)).status).to.equal(200);
      const replayed = await redeem(of('public'), key, tokenProof);
      expect(replayed.body.error).to.be.oneOf(['invalid_dpop_proof', 'invalid_grant']);
      expect(replayed.body).not.to.have.property('access_token');
    });

    if (store === 'postgres') {
      it('D13 a proof dated ahead is remembered for as long as it counts', async () => {
        const { body } = await redeem(of('public'));
        const token = body.access_token ?? '';
        const claims = { iat: Math.floor(Date.now() / 1000) + 290 };
        const proof = await key.prove(endpoint('userinfo'), { method: 'GET', token, claims });
        expect((await userinfo(token, 'DPoP', proof)).status).to.equal(200);
        expect((await userinfo(token, 'DPoP', proof)).status, 'at once').to.equal(401);
        // Both edges: as the finding had it, and when the proof is about to expire.
        for (const seconds of [307, 600 - 307]) {
          await ageRecords(app, 'ReplayDetection', seconds);
          const late = await userinfo(token, 'DPoP', proof);
          expect(late.status, `${seconds} s later`).to.equal(401);
        }
      });
    }

    it('refuses a bound token on our own routes as Bearer (RFC 9449 §7.1)', async () => {
      const rp = await createRelyingParty(app, { allowed_scopes: ['account'] });
      const scope = 'openid account';
      const code = codeOf(await rp.authorize(browser, { scope }));
      const headers = { dpop: await key.prove(endpoint('token')) };
      const { body } = await rp.token(
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: rp.redirectUri,
          code_verifier: rp.verifier,
        },
        { headers },
      );
      for (const scheme of ['Bearer', 'DPoP']) {
        const answer = await app.browser().request('/auth/me', {
          headers: { authorization: `${scheme} ${body.access_token}` },
        });
        expect(answer.status, scheme).to.equal(401);
      }
    });

    it('binds a code to the key that the authorization request names', async () => {
      const rp = of('public');
      const redeemWith = async (proof: DpopKey | undefined): Promise<number> => {
        const code = codeOf(await rp.authorize(browser, { dpop_jkt: key.jkt }));
        const fields = {
          grant_type: 'authorization_code',
          code,
          redirect_uri: rp.redirectUri,
          code_verifier: rp.verifier,
        };
        const headers = proof ? { dpop: await proof.prove(endpoint('token')) } : {};
        return (await rp.token(fields, { headers })).status;
      };
      expect(await redeemWith(await createDpopKey())).to.equal(400);
      expect(await redeemWith(undefined)).to.equal(400);
      expect(await redeemWith(key)).to.equal(200);
    });

    it('says so at introspection', async () => {
      const rp = of('confidential');
      const { body } = await redeem(rp);
      const answer = await rp.post('/oidc/introspect', { token: body.access_token ?? '' });
      expect(answer.json()).to.deep.include({
        active: true,
        token_type: 'DPoP',
        cnf: { jkt: key.jkt },
      });
    });

    it('binds client-credentials tokens', async () => {
      const machine = await createRelyingParty(app, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
      });
      const headers = { dpop: await key.prove(endpoint('token')) };
      const { body } = await machine.token({ grant_type: 'client_credentials' }, { headers });
      expect(body.token_type).to.equal('DPoP');
      expect(decodeJwt(body.access_token ?? '')['cnf']).to.deep.equal({ jkt: key.jkt });
    });
  });
}
