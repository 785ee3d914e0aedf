import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { inParallel, raceStores } from '../../support/nodes.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { createRelyingParty, errorOf } from '../../support/relying-party.ts';
import { useNodes } from '../../support/use-nodes.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' };

for (const store of raceStores) {
  describe(`racing what may be used once (I1), state store on ${store}`, () => {
    const nodes = useNodes(store);

    it('20 of one client assertion over two processes: one is taken', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const key = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'only' };
      const rp = await createRelyingParty(nodes.local, {
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        redirect_uris: [],
        jwks: { keys: [key] },
      });
      const id = rp.client.client_id;
      const assertion = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'only' })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(nodes.local.issuer)
        .setIssuedAt()
        .setExpirationTime('60s')
        .sign(privateKey);
      const fields = {
        ...CLIENT_CREDENTIALS,
        client_assertion_type: JWT_BEARER,
        client_assertion: assertion,
      };
      const answers = await inParallel(20, nodes.processes, (node) => rp.token(fields, {}, node));
      expect(outcomes(answers)).to.deep.equal(['200', ...Array(19).fill('401 invalid_client')]);
    });

    it('20 of one DPoP proof over two processes: one is taken', async () => {
      const rp = await createRelyingParty(nodes.local, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
      });
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const proof = await new SignJWT({
        jti: randomUUID(),
        htm: 'POST',
        htu: `${nodes.local.issuer}/oidc/token`,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .setIssuedAt()
        .sign(privateKey);
      const answers = await inParallel(20, nodes.processes, (node) =>
        rp.token(CLIENT_CREDENTIALS, { headers: { dpop: proof } }, node),
      );
      expect(outcomes(answers)).to.deep.equal(['200', ...Array(19).fill('400 invalid_grant')]);
    });

    it('20 of one pushed authorization request over two processes: one code', async () => {
      const rp = await createRelyingParty(nodes.local);
      const browser = await signedInBrowser(nodes.local, await createUser(nodes.local));
      const query = new URLSearchParams(rp.authorizationUrl().split('?')[1]);
      const pushed = await rp.post('/oidc/par', Object.fromEntries(query));
      const { request_uri: uri } = pushed.json<{ request_uri: string }>();
      const cookie = await browser.jar.getCookieString(nodes.local.issuer);
      const path = `/oidc/authorize?${new URLSearchParams({ client_id: rp.client.client_id, request_uri: uri })}`;
      const answers = await inParallel(20, nodes.processes, (node) =>
        node.browser().request(path, { anonymous: true, headers: { cookie } }),
      );
      const codes = answers.flatMap(({ location }) => location?.searchParams.get('code') ?? []);
      expect(codes).to.have.length(1);
      const errors = answers.filter((one) => !one.location?.searchParams.has('code')).map(errorOf);
      expect(errors).to.deep.equal(Array(19).fill('invalid_request_uri'));
      expect((await rp.redeem(codes[0] ?? '')).status).to.equal(200);
    });
  });
}

const outcomes = (
  answers: readonly { readonly status: number; readonly body: { readonly error?: string } }[],
): readonly string[] =>
  answers.map(({ status, body }) => [status, body.error].filter(Boolean).join(' ')).sort();
