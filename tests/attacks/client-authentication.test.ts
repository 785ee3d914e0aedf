/** Who a client is: one registered method, one mechanism, a secret that is a hash at rest (RFC 6749 §2.3). */
import crypto, { createHash } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';
import { expect } from 'chai';
import { Clients, type NewClient } from '../../src/plugins/clients/contract.ts';
import type { Answer } from '../support/browser.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const MACHINE: Partial<NewClient> = { grant_types: ['client_credentials'], redirect_uris: [] };

const basic = (id: string, secret: string): string => `Basic ${btoa(`${id}:${secret}`)}`;
const percentEncodeAll = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

describe('client authentication', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let id: string;
  let secret: string;

  before(async () => {
    app = await startTestApp();
    rp = await createRelyingParty(app, MACHINE);
    id = rp.client.client_id;
    secret = rp.secret ?? '';
  });
  after(() => app.close());

  const request = (
    fields: Record<string, string> = {},
    authorization?: string,
    path = '/oidc/token',
  ): Promise<Answer> =>
    app.browser().request(path, {
      form: { grant_type: 'client_credentials', ...fields },
      headers: authorization === undefined ? {} : { authorization },
    });

  const expectRefused = (answer: Answer, error: string, status: number): void => {
    expect(answer.json()).to.include({ error });
    expect(answer.status).to.equal(status);
    expect(answer.json()).not.to.have.property('access_token');
  };

  it('SEC-59: the registered method and the secret work, so that the refusals mean something', async () => {
    expect((await request({}, basic(id, secret))).status).to.equal(200);
  });

  describe('SEC-59: only the registered method', () => {
    it('SEC-59: client_secret_basic does not take the secret in the body', async () => {
      expectRefused(await request({ client_id: id, client_secret: secret }), 'invalid_client', 401);
    });

    it('SEC-59: client_secret_post does not take it in the header', async () => {
      const post = await createRelyingParty(app, {
        ...MACHINE,
        token_endpoint_auth_method: 'client_secret_post',
      });
      const credentials = { client_id: post.client.client_id, client_secret: post.secret ?? '' };
      expect((await request(credentials)).status).to.equal(200);
      const header = basic(credentials.client_id, credentials.client_secret);
      expectRefused(await request({}, header), 'invalid_client', 401);
    });

    it('SEC-59: a confidential client is not a public one', async () => {
      expectRefused(await request({ client_id: id }), 'invalid_client', 401);
      expectRefused(await request({ client_id: id, client_secret: '' }), 'invalid_client', 401);
    });

    it('SEC-59: a public client that presents a secret is refused', async () => {
      const open = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
      const header = basic(open.client.client_id, 'anything');
      const fields = { grant_type: 'refresh_token', refresh_token: 'x' };
      expectRefused(await request(fields, header), 'invalid_client', 401);
    });

    it('SEC-59: the same holds at every endpoint that clients call', async () => {
      for (const path of ['/oidc/introspect', '/oidc/revoke', '/oidc/par']) {
        const fields = { client_id: id, token: 'x' };
        expectRefused(await request(fields, undefined, path), 'invalid_client', 401);
        const wrong = basic(id, 'wrong');
        expectRefused(await request(fields, wrong, path), 'invalid_client', 401);
        const inBody = { ...fields, client_secret: secret };
        expectRefused(await request(inBody, undefined, path), 'invalid_client', 401);
      }
    });
  });

  it('SEC-59: two mechanisms at once are an invalid request', async () => {
    const assertion = {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'a.b.c',
    };
    const header = basic(id, secret);
    expectRefused(await request({ client_secret: secret }, header), 'invalid_request', 400);
    expectRefused(await request(assertion, header), 'invalid_request', 400);
    const both = { client_id: id, client_secret: secret, ...assertion };
    expectRefused(await request(both), 'invalid_request', 400);
  });

  it('SEC-59: client_id in the body must be that of the header', async () => {
    const other = await createRelyingParty(app, MACHINE);
    const answer = await request({ client_id: other.client.client_id }, basic(id, secret));
    expectRefused(answer, 'invalid_request', 400);
    expect((await request({ client_id: id }, basic(id, secret))).status).to.equal(200);
  });

  it('SEC-59: Basic credentials are percent-decoded (RFC 6749 §2.3.1)', async () => {
    const encoded = basic(percentEncodeAll(id), percentEncodeAll(secret));
    expect((await request({}, encoded)).status).to.equal(200);
    const onceMore = basic(id, percentEncodeAll(percentEncodeAll(secret)));
    expectRefused(await request({}, onceMore), 'invalid_client', 401);
  });

  it('SEC-59: broken Basic headers are refused without a 500', async () => {
    const broken = [
      'Basic',
      'Basic ',
      'Basic !!!!',
      `Basic ${btoa(id)}`,
      basic(id, ''),
      basic(id, '%zz'),
      basic(id, '%'),
      basic(id, '%00'),
      basic('%c0%ae', secret),
      basic('', secret),
      `Basic ${btoa(`${id}:${secret}`)} extra`,
      `Bearer ${btoa(`${id}:${secret}`)}`,
      `Digest username="${id}"`,
      basic(id, 'x'.repeat(6000)),
    ];
    for (const header of broken) {
      const answer = await request({}, header);
      expect(answer.status, header.slice(0, 60)).to.be.oneOf([400, 401]);
      expect(answer.json()['error']).to.be.oneOf(['invalid_request', 'invalid_client']);
    }
  });

  it('SEC-59: a 401 names the scheme to use (RFC 6749 §5.2)', async () => {
    const { headers } = await request({}, basic(id, 'wrong'));
    expect(headers.get('www-authenticate')).to.match(/^Basic /);
  });

  it('SEC-59: an unknown client and a wrong secret get the same answer', async () => {
    const shown = ({ status, text, headers }: Answer) => [
      status,
      text,
      headers.get('www-authenticate'),
      headers.get('cache-control'),
    ];
    const wrong = shown(await request({}, basic(id, 'wrong')));
    const unknown = shown(await request({}, basic(crypto.randomUUID(), 'wrong')));
    expect(unknown).to.deep.equal(wrong);
  });

  it('SEC-59: no prefix, no case variant and no hash of the secret is the secret', async () => {
    const hash = createHash('sha256').update(secret);
    const near = [
      secret.slice(0, -1),
      `${secret}A`,
      ` ${secret}`,
      secret.toUpperCase(),
      hash.copy().digest('base64url'),
      hash.digest('hex'),
      '',
    ];
    for (const wrong of near) {
      expect((await request({}, basic(id, wrong))).status, wrong).to.be.oneOf([400, 401]);
    }
  });

  it('SEC-59: a secret has 256 random bits and is nowhere in the database', async () => {
    expect(Buffer.from(secret, 'base64url').length).to.be.at.least(32);
    const [rows] = await app.database.database.orm.query(
      'SELECT clients::text AS row FROM clients',
    );
    const text = JSON.stringify(rows);
    expect(text).to.contain(id);
    expect(text).not.to.contain(secret);
    expect(text).to.contain(createHash('sha256').update(secret).digest('base64url'));
  });

  it('SEC-59: a rotated secret is dead at once', async () => {
    const machine = await createRelyingParty(app, MACHINE);
    const { client_id } = machine.client;
    const next = await app.app.use(Clients).rotateSecret(client_id);
    expectRefused(await request({}, basic(client_id, machine.secret ?? '')), 'invalid_client', 401);
    expect((await request({}, basic(client_id, next))).status).to.equal(200);
  });

  it('SEC-59: a deleted client is unknown at once', async () => {
    const machine = await createRelyingParty(app, MACHINE);
    const header = basic(machine.client.client_id, machine.secret ?? '');
    expect((await request({}, header)).status).to.equal(200);
    await app.app.use(Clients).delete(machine.client.client_id);
    expectRefused(await request({}, header), 'invalid_client', 401);
  });

  describe('how secrets are compared', () => {
    afterEach(() => {
      mock.restoreAll();
      syncBuiltinESMExports();
    });

    it('SEC-59: in constant time, over hashes of one length', async () => {
      const compare = mock.method(crypto, 'timingSafeEqual');
      syncBuiltinESMExports();
      for (const wrong of ['x', 'y'.repeat(500), secret.slice(0, -1)]) {
        await request({}, basic(id, wrong));
      }
      const expected = createHash('sha256').update(secret).digest();
      const compared = compare.mock.calls.filter(({ arguments: [one, other] }) =>
        [one, other].some((side) => expected.equals(Buffer.from(side as Uint8Array))),
      );
      expect(compared).to.have.length(3);
    });
  });
});
