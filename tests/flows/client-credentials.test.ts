/** Tokens of a client itself, RFC 6749 §4.4. */
import { expect } from 'chai';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('client credentials', () => {
  let app: TestApp;
  let machine: RelyingParty;

  before(async () => {
    app = await startTestApp();
    machine = await createRelyingParty(app, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      allowed_scopes: ['reports:read', 'reports:write'],
    });
  });
  after(() => app.close());

  const request = (fields: Record<string, string> = {}) =>
    machine.token({ grant_type: 'client_credentials', ...fields });

  it('gives an RFC 9068 access token that verifies offline', async () => {
    const { status, body, headers } = await request({ scope: 'reports:read' });
    expect(status).to.equal(200);
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(body).to.include({ token_type: 'Bearer', expires_in: 600, scope: 'reports:read' });
    const keys = createRemoteJWKSet(new URL(`${app.issuer}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(body.access_token ?? '', keys, {
      issuer: app.issuer,
      audience: `${app.issuer}/api`,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    });
    expect(payload).to.include({
      sub: machine.client.client_id,
      client_id: machine.client.client_id,
      scope: 'reports:read',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.equal(600);
    expect(payload.jti).to.be.a('string').with.length.greaterThan(20);
    expect(decodeProtectedHeader(body.access_token ?? '').kid).to.be.a('string');
  });

  it('gives what was asked for and no more', async () => {
    expect((await request({ scope: 'reports:read reports:write' })).body.scope).to.equal(
      'reports:read reports:write',
    );
    expect((await request()).body.scope).to.be.oneOf([undefined, '']);
  });

  it('lasts as long as ACCESS_TOKEN_TTL says', async () => {
    const other = await startTestApp({ settings: { ACCESS_TOKEN_TTL: '120' } });
    try {
      const client = await createRelyingParty(other, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
      });
      const { body } = await client.token({ grant_type: 'client_credentials' });
      expect(body.expires_in).to.equal(120);
    } finally {
      await other.close();
    }
  });

  it('is introspected and revoked by its client', async () => {
    const token = (await request()).body.access_token ?? '';
    const introspect = async () => (await machine.post('/oidc/introspect', { token })).json();
    expect(await introspect()).to.include({
      active: true,
      client_id: machine.client.client_id,
      token_type: 'Bearer',
    });
    expect((await machine.post('/oidc/revoke', { token })).status).to.equal(200);
    expect(await introspect()).to.deep.equal({ active: false });
  });

  it('names the API as resource (RFC 8707), and no other', async () => {
    expect((await request({ resource: `${app.issuer}/api` })).status).to.equal(200);
    const other = await request({ resource: 'https://other.example.com/' });
    expect(other.body.error).to.equal('invalid_target');
  });
});
