import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import type { NewClient } from '../../../src/plugins/clients/contract.ts';
import { CORE_GRANT_TYPES, parseMetadata } from '../../../src/plugins/clients/metadata.ts';
import { outgoingOf } from '../../support/outgoing.ts';

const RULES = { grantTypes: CORE_GRANT_TYPES, outgoing: outgoingOf('https://auth.example.com') };
const BASE = { client_name: 'Shop', redirect_uris: ['https://rp.example/cb'] };

const parse = (client: object, rules = RULES) => parseMetadata(client as NewClient, rules);

/** Fails when the metadata is accepted. */
function problemOf(client: object): ProblemError {
  try {
    parse(client);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect(error.problem.type).to.equal('urn:problem:clients:invalid-metadata');
    return error;
  }
  return expect.fail('the metadata was accepted');
}

/** The pointers of all faults. */
const faultsOf = (client: object): string[] =>
  (problemOf(client).details.errors ?? []).map(({ pointer }) => pointer);

const publicJwk = (type: 'ec' | 'ed25519', options = {}): JsonWebKey =>
  generateKeyPairSync(type as 'ec', { namedCurve: 'P-256', ...options }).publicKey.export({
    format: 'jwk',
  });
const keyed = (keys: unknown) => ({
  ...BASE,
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys },
});

describe('client metadata', () => {
  it('has the defaults of RFC 7591, and RS256 for ID tokens', () => {
    expect(parse(BASE)).to.deep.equal({
      ...BASE,
      post_logout_redirect_uris: [],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
      application_type: 'web',
      first_party: false,
      allowed_scopes: [],
      allowed_resources: [],
    });
  });

  it('names every fault at once, and the URI each is in', () => {
    const client = {
      client_name: 'Shop',
      redirect_uris: ['https://rp.example/cb', 'http://rp.example/cb'],
      post_logout_redirect_uris: ['https://rp.example/#a'],
      backchannel_logout_uri: 'https://10.0.0.1/',
    };
    expect(faultsOf(client)).to.deep.equal([
      '#/redirect_uris/1',
      '#/post_logout_redirect_uris/0',
      '#/backchannel_logout_uri',
    ]);
    const uri = problemOf(client).details.errors?.[0]?.detail;
    expect(uri).to.match(/^"http:\/\/rp\.example\/cb" must use https/);
  });

  it('writes URIs into faults so that they cannot forge a line (SEC-94)', () => {
    const { details } = problemOf({
      ...BASE,
      redirect_uris: ['https://rp.example/\r\nlevel=info'],
    });
    expect(details.errors?.[0]?.detail)
      .to.include('rp.example')
      .and.not.match(/[\r\n]/);
  });

  const refused: Record<string, [client: object, pointer: string]> = {
    'no name': [{ redirect_uris: BASE.redirect_uris }, '#/client_name'],
    'a blank name': [{ ...BASE, client_name: '   ' }, '#/client_name'],
    'a long name': [{ ...BASE, client_name: 'n'.repeat(101) }, '#/client_name'],
    'NUL in the name (SEC-91)': [{ ...BASE, client_name: 'a\u0000b' }, '#/client_name'],
    'a line break in the name (SEC-91)': [{ ...BASE, client_name: 'a\nb' }, '#/client_name'],
    'a turned name (SEC-91)': [{ ...BASE, client_name: 'a\u202eb' }, '#/client_name'],
    'half a character in the name (SEC-91)': [{ ...BASE, client_name: 'a\ud800' }, '#/client_name'],
    'a name that is no string': [{ ...BASE, client_name: ['Shop'] }, '#/client_name'],
    'unknown members (SEC-77)': [{ ...BASE, client_id: 'mine' }, '#/'],
    'a secret of the own choice': [{ ...BASE, client_secret: 'x' }, '#/'],
    'jwks_uri, which would be fetched (SEC-66)': [
      { ...BASE, jwks_uri: 'https://rp.example' },
      '#/',
    ],
    'no redirect URI with the code flow': [{ client_name: 'Shop' }, '#/redirect_uris'],
    'a redirect URI twice': [
      { ...BASE, redirect_uris: ['https://rp.example/', 'https://rp.example/'] },
      '#/redirect_uris',
    ],
    'fifty-one redirect URIs': [
      { ...BASE, redirect_uris: Array.from({ length: 51 }, (_, i) => `https://rp.example/${i}`) },
      '#/redirect_uris',
    ],
    'a string of redirect URIs': [
      { ...BASE, redirect_uris: 'https://rp.example' },
      '#/redirect_uris',
    ],
    'the implicit grant (SEC-56)': [{ ...BASE, grant_types: ['implicit'] }, '#/grant_types'],
    'the password grant (SEC-56)': [{ ...BASE, grant_types: ['password'] }, '#/grant_types'],
    'no grant': [{ ...BASE, grant_types: [] }, '#/grant_types'],
    'refresh_token alone': [{ ...BASE, grant_types: ['refresh_token'] }, '#/grant_types'],
    'a grant twice': [
      { ...BASE, grant_types: ['authorization_code', 'authorization_code'] },
      '#/grant_types',
    ],
    'client_credentials of a public client (SEC-60)': [
      { ...BASE, grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' },
      '#/grant_types',
    ],
    'client_secret_jwt (SEC-59)': [
      { ...BASE, token_endpoint_auth_method: 'client_secret_jwt' },
      '#/token_endpoint_auth_method',
    ],
    tls_client_auth: [
      { ...BASE, token_endpoint_auth_method: 'tls_client_auth' },
      '#/token_endpoint_auth_method',
    ],
    'ID tokens signed with the secret (SEC-35)': [
      { ...BASE, id_token_signed_response_alg: 'HS256' },
      '#/id_token_signed_response_alg',
    ],
    'unsigned ID tokens (SEC-35)': [
      { ...BASE, id_token_signed_response_alg: 'none' },
      '#/id_token_signed_response_alg',
    ],
    'another application type': [{ ...BASE, application_type: 'spa' }, '#/application_type'],
    'first_party as a string': [{ ...BASE, first_party: 'true' }, '#/first_party'],
    'a scope with a space (SEC-60)': [{ ...BASE, allowed_scopes: ['a b'] }, '#/allowed_scopes/0'],
    'an empty scope (SEC-60)': [{ ...BASE, allowed_scopes: [''] }, '#/allowed_scopes/0'],
    'a scope with a quote (SEC-60)': [{ ...BASE, allowed_scopes: ['a"'] }, '#/allowed_scopes/0'],
    'a scope with a backslash (SEC-60)': [
      { ...BASE, allowed_scopes: ['a\\'] },
      '#/allowed_scopes/0',
    ],
    'a scope with an accent (SEC-60)': [{ ...BASE, allowed_scopes: ['é'] }, '#/allowed_scopes/0'],
    'a scope twice': [{ ...BASE, allowed_scopes: ['a', 'a'] }, '#/allowed_scopes'],
    'private_key_jwt without keys': [
      { ...BASE, token_endpoint_auth_method: 'private_key_jwt' },
      '#/jwks',
    ],
    'keys without private_key_jwt': [{ ...BASE, jwks: { keys: [publicJwk('ec')] } }, '#/jwks'],
  };
  for (const [name, [client, pointer]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => expect(faultsOf(client)).to.deep.equal([pointer]));
  }

  it('knows grants that plugins add', () => {
    const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const rules = { ...RULES, grantTypes: [...CORE_GRANT_TYPES, exchange] };
    const client = { client_name: 'Job', grant_types: [exchange] };
    expect(parse(client, rules).grant_types).to.deep.equal([exchange]);
    expect(faultsOf(client)).to.deep.equal(['#/grant_types']);
  });

  describe('jwks', () => {
    it('may hold public signature keys of every supported type', () => {
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
        format: 'jwk',
      });
      const keys = [publicJwk('ec'), publicJwk('ed25519'), { ...rsa, kid: 'r', use: 'sig' }];
      expect(parse(keyed(keys)).jwks).to.deep.equal({ keys });
    });

    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = ec.publicKey.export({ format: 'jwk' });
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const bad: Record<string, unknown> = {
      'no key': [],
      'a private key (SEC-43)': [ec.privateKey.export({ format: 'jwk' })],
      'a shared key': [{ kty: 'oct', k: 'c2VjcmV0' }],
      'a public key with an empty private member': [{ ...publicKey, d: '' }],
      'a point that is not on the curve': [{ ...publicKey, x: publicKey.y, y: publicKey.x }],
      'a short RSA key': [weak.export({ format: 'jwk' })],
      'an encryption key': [{ ...publicKey, use: 'enc' }],
      'a key that cannot sign': [generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })],
      'two keys of one kid': [
        { ...publicKey, kid: 'a' },
        { ...publicJwk('ec'), kid: 'a' },
      ],
      'a kid that is no string': [{ ...publicKey, kid: 1 }],
      'eleven keys': Array.from({ length: 11 }, () => publicKey),
      nonsense: [{ kty: 'EC' }],
    };
    for (const [name, keys] of Object.entries(bad)) {
      it(`refuse ${name}`, () => expect(faultsOf(keyed(keys))).to.deep.equal(['#/jwks']));
    }
  });
});
