import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { importJWK, SignJWT } from 'jose';
import Provider, { type Adapter } from 'oidc-provider';
import { provide } from '../../../src/kernel/service.ts';
import { isClientSecret } from '../../../src/plugins/clients/client-secret.ts';
import {
  type ClientService,
  Clients,
  type NewClient,
} from '../../../src/plugins/clients/contract.ts';
import { clients } from '../../../src/plugins/clients/index.ts';
import { type GrantService, Grants } from '../../../src/plugins/grants/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPluginContext, findService, untouched } from '../plugin-context.ts';
import { unheardRevocations } from '../unheard-revocations.ts';

const ISSUER = 'https://auth.example.com';
const NEW: NewClient = { client_name: 'Shop', redirect_uris: ['https://rp.example/cb'] };
const JOB: NewClient = { client_name: 'Job', grant_types: ['client_credentials'] };

describe('Client adapter, behind a real oidc-provider', () => {
  let test: TestDatabase;
  let service: ClientService;
  let adapter: Adapter;
  let provider: Provider;
  let server: Server;
  let endpoint: string;

  before(async () => {
    test = await createTestDatabase();
    const grants = untouched<GrantService>('grants');
    const services = [provide(Grants, grants), unheardRevocations(test.database)];
    const { context } = createPluginContext({ db: test.database, services });
    const { provides = [], oidcModels = {} } = clients.setup(context);
    service = findService(provides, Clients);
    adapter = oidcModels['Client'] ?? expect.fail('there is no Client adapter');
    provider = createProvider(adapter);
    server = createServer((req, res) => void provider.callback()(req, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });
  after(async () => {
    server.close();
    await test.drop();
  });

  const token = (body: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(endpoint, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', ...body }),
    });
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });

  it('hands out metadata that oidc-provider accepts, with ours beside', async () => {
    const { client } = await service.create({
      ...NEW,
      post_logout_redirect_uris: ['https://rp.example/bye'],
      backchannel_logout_uri: 'https://rp.example/bcl',
      first_party: true,
      allowed_scopes: ['account', 'admin'],
      id_token_signed_response_alg: 'ES256',
    });
    const found = await provider.Client.find(client.client_id);
    expect(found?.metadata()).to.deep.include({
      client_id: client.client_id,
      client_name: 'Shop',
      redirect_uris: ['https://rp.example/cb'],
      post_logout_redirect_uris: ['https://rp.example/bye'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
      backchannel_logout_uri: 'https://rp.example/bcl',
      backchannel_logout_session_required: true,
      first_party: true,
      allowed_scopes: ['account', 'admin'],
    });
  });

  it('hands out every kind of client that can be registered', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwks = { keys: [publicKey.export({ format: 'jwk' })] };
    const native: NewClient = {
      client_name: 'App',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1/cb', 'https://rp.example/app'],
    };
    const kinds: NewClient[] = [
      NEW,
      JOB,
      native,
      { ...NEW, redirect_uris: ['http://localhost:3000/cb', 'http://[::1]/cb'] },
      { ...NEW, token_endpoint_auth_method: 'none' },
      { ...NEW, token_endpoint_auth_method: 'client_secret_post' },
      { ...NEW, token_endpoint_auth_method: 'private_key_jwt', jwks },
    ];
    for (const kind of kinds) {
      const { client } = await service.create(kind);
      const found = await provider.Client.find(client.client_id);
      expect(found?.clientId, JSON.stringify(kind)).to.equal(client.client_id);
    }
  });

  it('compares redirect URIs exactly; native loopback ones but for the port (SEC-52)', async () => {
    const loopback = ['http://127.0.0.1/cb', 'http://127.0.0.1:1/other'];
    const { client: web } = await service.create({ ...NEW, redirect_uris: loopback });
    const { client: native } = await service.create({
      ...NEW,
      redirect_uris: loopback,
      application_type: 'native',
    });
    const webClient = await provider.Client.find(web.client_id);
    const nativeClient = await provider.Client.find(native.client_id);
    expect(webClient?.redirectUriAllowed('http://127.0.0.1/cb')).to.equal(true);
    expect(webClient?.redirectUriAllowed('http://127.0.0.1:5/cb')).to.equal(false);
    expect(nativeClient?.redirectUriAllowed('http://127.0.0.1:5/cb')).to.equal(true);
    expect(nativeClient?.redirectUriAllowed('http://127.0.0.1:5/cb/')).to.equal(false);
    expect(nativeClient?.redirectUriAllowed('http://127.0.0.1:80@evil.example/cb')).to.equal(false);
  });

  it('authenticates with the secret, not with the hash, not without, not twice (SEC-59)', async () => {
    const { client, client_secret = '' } = await service.create(JOB);
    const id = client.client_id;
    const hash = String((await adapter.find(id))?.client_secret);
    expect((await token({}, basic(id, client_secret))).status).to.equal(200);
    expect((await token({}, basic(id, hash))).status).to.equal(401);
    expect((await token({}, basic(id, `${client_secret}x`))).status).to.equal(401);
    expect((await token({ client_id: id })).status, 'none').to.equal(401);
    const both = await token({ client_id: id, client_secret }, basic(id, client_secret));
    expect(both.status, 'two methods').to.equal(400);
    const rotated = await service.rotateSecret(id);
    expect((await token({}, basic(id, client_secret))).status, 'rotated').to.equal(401);
    expect((await token({}, basic(id, rotated))).status).to.equal(200);
  });

  it('authenticates with a key of the client (RFC 7523)', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { client } = await service.create({
      ...JOB,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [pair.publicKey.export({ format: 'jwk' })] },
    });
    const jwk = pair.privateKey.export({ format: 'jwk' });
    const assertion = await new SignJWT({ jti: 'j' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(client.client_id)
      .setSubject(client.client_id)
      .setAudience(ISSUER)
      .setExpirationTime('1m')
      .sign(await importJWK({ ...jwk, kty: 'EC' }, 'ES256'));
    const answer = await token({
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    expect(answer.status, await answer.text()).to.equal(200);
  });

  it('knows a deleted or impossible client as none at all', async () => {
    for (const id of ['unknown', 'a\u0000b', '\ud800', "'", 'x'.repeat(9_000)]) {
      expect(await provider.Client.find(id), JSON.stringify(id.slice(0, 9))).to.equal(undefined);
    }
  });

  it('is never written by oidc-provider', async () => {
    for (const write of [() => adapter.upsert('id', {}), () => adapter.destroy('id')]) {
      const failure = await write().catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(Error);
    }
    for (const unused of ['consume', 'findByUid', 'findByUserCode', 'revokeByGrantId'] as const) {
      expect(await adapter[unused]('id')).to.equal(undefined);
    }
  });
});

/** Installs what `src/oidc` has to: our metadata, our comparison of secrets. */
function createProvider(clientAdapter: Adapter): Provider {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'jwk',
  });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'jwk',
  });
  const records = new Map<string, object>();
  const memory = {
    upsert: async (id: string, payload: object) => void records.set(id, payload),
    find: async (id: string) => records.get(id),
  } as unknown as Adapter;
  const provider = new Provider(ISSUER, {
    adapter: (name) => (name === 'Client' ? clientAdapter : memory),
    extraClientMetadata: { properties: ['first_party', 'allowed_scopes'] },
    jwks: {
      keys: [
        { ...ec, alg: 'ES256', use: 'sig' },
        { ...rsa, alg: 'RS256', use: 'sig' },
      ],
    },
    cookies: { keys: ['test'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    responseTypes: ['code'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
    },
    ttl: { ClientCredentials: 60 },
  });
  provider.Client.prototype.compareClientSecret = function compare(presented: string) {
    return isClientSecret(this.clientSecret, presented);
  };
  return provider;
}
