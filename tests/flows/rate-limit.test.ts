/** What a limited answer says, on every kind of endpoint. */
import { randomUUID } from 'node:crypto';
import { mock } from 'node:test';
import { expect } from 'chai';
import { anyAddress, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import type { TestApp } from '../support/test-app.ts';

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

describe('rate limits', () => {
  let app: TestApp;
  before(async () => {
    app = await startLimitedApp({
      settings: {
        RATE_LIMIT_READ: '2/0.5',
        RATE_LIMIT_WRITE: '2/0.001',
        RATE_LIMIT_OIDC: '3/0.001',
        RATE_LIMIT_CLIENT: '3/0.001',
      },
    });
  });
  after(() => app.close());

  it('are told with every answer, and with a refusal when to come back', async () => {
    const ip = anyAddress();
    const seen = [];
    for (let call = 0; call < 3; call += 1) seen.push(await requestFrom(app, ip, '/auth/me'));
    expect(seen.map(({ status }) => status)).to.deep.equal([401, 401, 429]);
    expect(seen.map(({ headers }) => headers.get('ratelimit-policy'))).to.deep.equal(
      Array(3).fill('"read";q=2;w=4'),
    );
    expect(seen.map(({ headers }) => headers.get('ratelimit'))).to.deep.equal([
      '"read";r=1;t=2',
      '"read";r=0;t=4',
      '"read";r=0;t=4',
    ]);
    const refused = seen[2];
    expect(refused?.headers.get('retry-after')).to.equal('2');
    expect(refused?.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(refused?.json()).to.include({ status: 429 });
    expect(refused?.json()['detail']).to.equal('Please wait 2 seconds, then try again.');
  });

  it('refuse a page with a page', async () => {
    const ip = anyAddress();
    const url = `/interaction/${randomUUID()}`;
    const accept = { accept: 'text/html' };
    for (let call = 0; call < 2; call += 1) await requestFrom(app, ip, url, { headers: accept });
    const refused = await requestFrom(app, ip, url, { headers: accept });
    expect(refused.status).to.equal(429);
    expect(refused.headers.get('content-type')).to.match(/^text\/html/);
    expect(refused.headers.get('retry-after')).to.equal('2');
    expect(refused.text).to.include('Please wait 2 seconds');
  });

  it('refuse at an OIDC endpoint with an OAuth error object', async () => {
    const ip = anyAddress();
    for (let call = 0; call < 3; call += 1) {
      expect((await requestFrom(app, ip, '/oidc/userinfo')).status).to.be.within(400, 401);
    }
    const refused = await requestFrom(app, ip, '/oidc/userinfo');
    expect(refused.status).to.equal(429);
    expect(refused.json()).to.include({ error: 'temporarily_unavailable' });
    expect(refused.headers.get('retry-after')).to.match(/^\d+$/);
    expect(refused.headers.get('ratelimit-policy')).to.include('"oidc";q=3');
  });

  it('say nothing with metadata, keys and health, which are the same for everybody', async () => {
    const ip = anyAddress();
    for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json']) {
      for (let call = 0; call < 5; call += 1) {
        const { status, headers } = await requestFrom(app, ip, path);
        expect(status).to.equal(200);
        expect(headers.get('ratelimit')).to.equal(null);
      }
    }
    for (let call = 0; call < 5; call += 1) {
      expect((await requestFrom(app, ip, '/health/live')).status).to.equal(200);
    }
  });

  describe('of OIDC clients', () => {
    const machine = () =>
      createRelyingParty(app, { grant_types: ['client_credentials'], redirect_uris: [] });
    const token = (ip: string, id: string, secret: string) =>
      requestFrom(app, ip, '/oidc/token', {
        form: { grant_type: 'client_credentials' },
        headers: basic(id, secret),
      });

    it('SEC-21: count a client at the token endpoint, and guesses at its secret too, before the secret is compared', async () => {
      const { client, secret } = await machine();
      const ip = anyAddress();
      expect((await token(ip, client.client_id, secret ?? '')).status).to.equal(200);
      expect((await token(ip, client.client_id, 'wrong')).status).to.equal(401);
      expect((await token(ip, client.client_id, 'wrong')).status).to.equal(401);
      const refused = await token(ip, client.client_id, secret ?? '');
      expect(refused.status).to.equal(429);
      expect(refused.json()).to.include({ error: 'temporarily_unavailable' });
      expect(refused.headers.get('retry-after')).to.match(/^\d+$/);
      expect(refused.headers.get('ratelimit-policy')).to.include('"client";q=3');
      // Introspection spends from the same bucket, another client from its own.
      const introspection = await requestFrom(app, ip, '/oidc/introspect', {
        form: { token: 'anything' },
        headers: basic(client.client_id, secret ?? ''),
      });
      expect(introspection.status).to.equal(429);
      const other = await machine();
      expect((await token(ip, other.client.client_id, other.secret ?? '')).status).to.equal(200);
    });

    it('who has used them up has no signature verified either', async () => {
      const { client, secret } = await machine();
      const ip = anyAddress();
      const issued = await token(ip, client.client_id, secret ?? '');
      const introspect = () =>
        requestFrom(app, ip, '/oidc/introspect', {
          form: { token: issued.json<{ access_token: string }>().access_token },
          headers: basic(client.client_id, secret ?? ''),
        });
      const verify = mock.method(globalThis.crypto.subtle, 'verify');
      try {
        expect((await introspect()).json()).to.include({ active: true });
        expect(verify.mock.callCount()).to.equal(1);
        await introspect();
        verify.mock.resetCalls();
        expect((await introspect()).status).to.equal(429);
        expect(verify.mock.callCount()).to.equal(0);
      } finally {
        verify.mock.restore();
      }
    });

    it('whoever guesses from elsewhere does not use up what the client itself has', async () => {
      const { client, secret } = await machine();
      const elsewhere = anyAddress();
      for (let call = 0; call < 5; call += 1) await token(elsewhere, client.client_id, 'wrong');
      expect((await token(elsewhere, client.client_id, 'wrong')).status).to.equal(429);
      expect((await token(anyAddress(), client.client_id, secret ?? '')).status).to.equal(200);
    });

    it('made-up names of clients have one bucket together, that of their address', async () => {
      const ip = anyAddress();
      for (let call = 0; call < 3; call += 1) {
        expect((await token(ip, `made-up-${randomUUID()}`, 'x')).status).to.equal(401);
      }
      expect((await token(ip, `made-up-${randomUUID()}`, 'x')).status).to.equal(429);
    });
  });
});
